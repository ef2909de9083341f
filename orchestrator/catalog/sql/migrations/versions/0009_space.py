"""How much room destinations had, as it was measured."""

from alembic import op
from sqlalchemy import BigInteger, Column, DateTime, PrimaryKeyConstraint, String

revision = "0009_space"
down_revision = "0008_outbox"

_TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Add tables; nothing was measured before."""
    op.create_table(
        "space",
        Column("destination", String(), nullable=False),
        Column("at", _TIME, nullable=False),
        Column("free", BigInteger(), nullable=False),
        Column("whole", BigInteger(), nullable=False),
        PrimaryKeyConstraint("destination", "at", name="space_pk"),
    )
    op.create_table(
        "unmeasured",
        Column("destination", String(), nullable=False),
        Column("at", _TIME, nullable=False),
        Column("why", String(), nullable=False),
        PrimaryKeyConstraint("destination", name="unmeasured_pk"),
    )
