"""Which backups are safety copies is read with the others, from the same index."""

from alembic import op
from sqlalchemy import text

revision = "0011_safety_copies"
down_revision = "0010_clocks"

_LISTED = text("pruned_at IS NULL")


def upgrade() -> None:
    """Make the index again with one column more."""
    op.drop_index("backups_listed", "backups")
    op.create_index(
        "backups_listed",
        "backups",
        [
            *("policy", "database", "snapshot_at", "id", "finished_at", "sequence", "pruned_at"),
            "trigger",
        ],
        sqlite_where=_LISTED,
        postgresql_where=_LISTED,
    )
