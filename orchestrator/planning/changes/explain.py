"""Changes of policies, and retired series, as readable lines and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from orchestrator.model.plan import (
    ChangeKind,
    Difference,
    PolicyChange,
    RetentionEffect,
    RetiredSeries,
)
from orchestrator.planning.phrases import count, say_size, say_time

TIERS = "retention.tiers."
RETENTION = "retention."
HEADLINES: Mapping[ChangeKind, str] = {
    ChangeKind.NEW: "new",
    ChangeKind.BACK: "back in the files; compared with what was applied before it was gone",
    ChangeKind.CHANGED: "changed",
    ChangeKind.GONE: "gone from the files: its series are retired, and stay as they are",
    ChangeKind.UNKNOWN: "applied in a form that is not known",
}
ADDED = {"schedules": "it promises nothing before it is applied"}
REMOVED = {
    "schedules": "its slots are nobody's promise any more",
    "destinations": "the copies there stay, and nothing prunes them",
}


# ------------------------------------------------------------------ for people
def explain_changes(changes: Sequence[PolicyChange]) -> Iterator[str]:
    """Yield what changed since the last apply, and what it does to what is kept."""
    if not changes:
        return
    yield "Changed since the last apply:"
    for change in changes:
        yield f"  {change.policy}: {_headline(change)}"
        for line in (*_lines(change), *change.notes):
            yield f"    {line}"
    yield ""


def explain_retired(retired: Sequence[RetiredSeries]) -> Iterator[str]:
    """Yield the series that no policy names, and that they stay as they are."""
    if not retired:
        return
    yield "Retired (no policy names them: they are kept as they are, and nothing of them is pruned):"
    for one in retired:
        amount = f"{count(one.backups, 'backup')}, {say_size(one.stored_bytes)}"
        rules = "" if one.rules is None else f"; the last rules were {one.rules}"
        yield f"  {one.series}: {amount}{rules}"
    yield ""


def say_change(change: PolicyChange) -> str:
    """Return a change in one line, without its effect: for the log, and for `apply`."""
    said = "; ".join(say_difference(one) for one in change.differences)
    return f"{change.policy}: {_headline(change)}" + (f": {said}" if said else "")


def say_difference(difference: Difference) -> str:
    """``daily 30d -> 14d``, ``schedules.weekly added: cron 0 5 * * 0, …``."""
    key, before, after = difference.key, difference.before, difference.after
    shown = key.removeprefix(TIERS).removeprefix(RETENTION)
    hint = key.partition(".")[0]
    is_whole = key.count(".") == 1
    if before is None:
        more = f"; {ADDED[hint]}" if is_whole and hint in ADDED else ""
        return f"{shown} added: {after}{more}"
    if after is None:
        more = f"; {REMOVED[hint]}" if is_whole and hint in REMOVED else ""
        return f"{shown} removed, was {before}{more}"
    return f"{shown} {before} -> {after}"


def _headline(change: PolicyChange) -> str:
    if change.kind is not ChangeKind.RENAMED:
        return HEADLINES[change.kind]
    return f"renamed from {change.renamed_from}, whose backups it carries on"


def _lines(change: PolicyChange) -> Iterator[str]:
    yield from map(say_difference, change.differences)
    for effect in change.effects:
        yield f"{effect.series} at {effect.destination}: {say_effect(effect)}"


def say_effect(effect: RetentionEffect) -> str:
    """``16 backups, 2.1 GiB, become expired; oldest restore point unchanged, 2026-10-24T02:00Z``."""
    said = [
        f"{count(number, 'backup')}, {say_size(size)}, {verb if number == 1 else verbs}"
        for number, size, verb, verbs in (
            (effect.expired, effect.expired_bytes, "becomes expired", "become expired"),
            (effect.kept_again, effect.kept_again_bytes, "is kept again", "are kept again"),
        )
        if number
    ]
    return "; ".join([*(said or ["every copy is kept or not as before"]), _say_oldest(effect)])


def _say_oldest(effect: RetentionEffect) -> str:
    before, after = effect.oldest_before, effect.oldest_after
    if before is None and after is None:
        return "there is no restore point"
    if before == after and before is not None:
        return f"oldest restore point unchanged, {say_time(before)}"
    return f"oldest restore point {_say_point(before)} -> {_say_point(after)}"


def _say_point(at: datetime | None) -> str:
    return "none" if at is None else say_time(at)


# ------------------------------------------------------------------ for programs
def changes_as_json(changes: Sequence[PolicyChange]) -> list[dict[str, object]]:
    """Return changes as JSON-able dictionaries; sizes are bytes."""
    return [
        {
            "policy": change.policy,
            "kind": change.kind.value,
            "renamed_from": change.renamed_from,
            "differences": [
                {
                    "key": one.key,
                    "before": one.before,
                    "after": one.after,
                    "sentence": say_difference(one),
                }
                for one in change.differences
            ],
            "retention": [_effect_as_json(effect) for effect in change.effects],
            "notes": list(change.notes),
        }
        for change in changes
    ]


def retired_as_json(retired: Sequence[RetiredSeries]) -> list[dict[str, object]]:
    """Return retired series as JSON-able dictionaries; sizes are bytes."""
    return [
        {
            "policy": one.series.policy,
            "database": one.series.database,
            "backups": one.backups,
            "stored_bytes": one.stored_bytes,
            "last_rules": one.rules,
        }
        for one in retired
    ]


def _effect_as_json(effect: RetentionEffect) -> dict[str, object]:
    return {
        "database": effect.series.database,
        "destination": effect.destination,
        "expired": effect.expired,
        "expired_bytes": effect.expired_bytes,
        "kept_again": effect.kept_again,
        "kept_again_bytes": effect.kept_again_bytes,
        "oldest_before": _utc(effect.oldest_before),
        "oldest_after": _utc(effect.oldest_after),
        "sentence": say_effect(effect),
    }


def _utc(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
