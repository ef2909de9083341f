"""Which series were read in again from a destination, until somebody acknowledges that."""

from alembic import op
from sqlalchemy import Column, DateTime, PrimaryKeyConstraint, String

revision = "0004_rebuilt_series"
down_revision = "0003_marks"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "rebuilt_series",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("at", DateTime(timezone=True), nullable=False),
        PrimaryKeyConstraint("policy", "database", name="rebuilt_series_pk"),
    )
