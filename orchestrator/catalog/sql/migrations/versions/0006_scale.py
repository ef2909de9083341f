"""What every pass reads of backups, copies and attempts, side by side in indexes for each series."""

from alembic import op
from sqlalchemy import Column, String, text

revision = "0006_scale"
down_revision = "0005_pruning"

_BROKEN_OFF = text("state IN ('failed', 'interrupted')")
_LISTED = text("pruned_at IS NULL")


def upgrade() -> None:
    """Write the series of each copy beside it, and create the indexes."""
    for name in ("policy", "database"):
        op.add_column("copies", Column(name, String(), nullable=False, server_default=""))
    op.execute(
        "UPDATE copies SET (policy, database) ="
        " (SELECT policy, database FROM backups WHERE backups.id = copies.backup)"
    )
    _create_indexes()


def _create_indexes() -> None:
    op.create_index(
        "copies_by_series",
        "copies",
        [
            *("policy", "database", "backup", "position", "destination", "state", "level"),
            *("expired_at", "beyond_normal_ageing", "prune_refused_at"),
        ],
    )
    op.create_index(
        "runs_broken_off",
        "runs",
        ["policy", "database", "finished_at", "started_at"],
        sqlite_where=_BROKEN_OFF,
        postgresql_where=_BROKEN_OFF,
    )
    op.create_index(
        "backups_listed",
        "backups",
        ["policy", "database", "snapshot_at", "id", "finished_at", "sequence", "pruned_at"],
        sqlite_where=_LISTED,
        postgresql_where=_LISTED,
    )
