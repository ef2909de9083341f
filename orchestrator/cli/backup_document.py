"""A backup as a JSON document, the same for `list`, `show` and `apply`."""

from collections.abc import Iterable, Sequence

from orchestrator.cli.rendering import format_utc
from orchestrator.model.backup import Backup
from orchestrator.model.contents import LeftOut


def backup_as_json(backup: Backup, tiers: Sequence[str]) -> dict[str, object]:
    """Return what is known of a backup; sizes are bytes, times UTC."""
    return {
        "id": backup.id,
        "policy": backup.series.policy,
        "database": backup.series.database,
        "snapshot_at": format_utc(backup.snapshot_at),
        "finished_at": format_utc(backup.finished_at),
        "reason": str(backup.reason),
        "trigger": backup.reason.trigger.value,
        "run": backup.run,
        "sequence": backup.sequence,
        "revision": backup.revision,
        "git_commit": backup.git_commit,
        "level": backup.level.label if backup.level else None,
        "tiers": list(tiers),
        "tables": backup.tables,
        "rows": backup.rows,
        "text_bytes": backup.text_bytes,
        "stored_bytes": backup.stored_bytes,
        "new_bytes": backup.new_bytes,
        "manifest_digest": backup.manifest_digest,
        "copies": [
            {
                "destination": copy.destination,
                "state": copy.state.value,
                "level": copy.level.label if copy.level else None,
                "verified_at": format_utc(copy.verified_at) if copy.verified_at else None,
                "trouble": copy.trouble,
                "expired_at": format_utc(copy.expired_at) if copy.expired_at else None,
            }
            for copy in backup.copies
        ],
        **marks_as_json(backup),
    }


def left_out_as_json(items: Iterable[LeftOut]) -> list[dict[str, str]]:
    """Return what a backup does not hold, each with its reason."""
    return [{"kind": item.kind, "name": item.name, "reason": item.reason} for item in items]


def marks_as_json(backup: Backup) -> dict[str, object]:
    """Return what is said of a backup: suspicion, acknowledgement, and holds not released."""
    suspicion, acknowledged = backup.suspicion, backup.acknowledged
    return {
        "suspicious": backup.is_suspicious,
        "suspicion": None
        if suspicion is None
        else {"at": format_utc(suspicion.at), "reasons": list(suspicion.reasons)},
        "acknowledged": None
        if acknowledged is None
        else {
            "at": format_utc(acknowledged.at),
            "who": acknowledged.who,
            "reason": acknowledged.reason,
        },
        "holds": [
            {
                "id": hold.id,
                "at": format_utc(hold.at),
                "who": hold.who,
                "reason": hold.reason,
                "until": format_utc(hold.until) if hold.until else None,
            }
            for hold in backup.holds
        ],
    }
