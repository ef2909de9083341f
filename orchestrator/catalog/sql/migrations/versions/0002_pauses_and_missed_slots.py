"""What interrupts a timeline: pauses of policies, and how far missed slots were recorded."""

from alembic import op
from sqlalchemy import JSON, Column, DateTime, PrimaryKeyConstraint, String

revision = "0002_pauses_and_missed_slots"
down_revision = "0001_first_catalog"

_TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "pauses",
        Column("policy", String(), nullable=False),
        Column("since", _TIME, nullable=False),
        Column("until", _TIME, nullable=False),
        Column("actor", JSON(), nullable=False),
        PrimaryKeyConstraint("policy", name="pauses_pk"),
    )
    op.create_table(
        "missed",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("schedule", String(), nullable=False),
        Column("until", _TIME, nullable=False),
        PrimaryKeyConstraint("policy", "database", "schedule", name="missed_pk"),
    )
