"""Marks: suspicions, acknowledgements, holds and releases of backups."""

from alembic import op
from sqlalchemy import JSON, Column, DateTime, ForeignKeyConstraint, PrimaryKeyConstraint, String

revision = "0003_marks"
down_revision = "0002_pauses_and_missed_slots"


def upgrade() -> None:
    """Create their table; a catalog from before has none."""
    op.create_table(
        "marks",
        Column("backup", String(), nullable=False),
        Column("name", String(), nullable=False),
        Column("kind", String(), nullable=False),
        Column("id", String()),
        Column("at", DateTime(timezone=True), nullable=False),
        Column("who", String()),
        Column("reasons", JSON(), nullable=False),
        Column("until", DateTime(timezone=True)),
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        PrimaryKeyConstraint("backup", "name", name="marks_pk"),
        ForeignKeyConstraint(
            ["backup"], ["backups.id"], name="marks_backup_fk", ondelete="CASCADE"
        ),
    )
    op.create_index("marks_by_series", "marks", ["policy", "database"])
