"""What the clocks of databases said, beside ours."""

from alembic import op
from sqlalchemy import Column, Interval

revision = "0010_clocks"
down_revision = "0009_space"


def upgrade() -> None:
    """Add a column; of earlier runs nobody knows it."""
    op.add_column("runs", Column("server_ahead", Interval()))
