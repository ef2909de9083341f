"""Each policy as it was in force last, so that a plan can say what changed since."""

from alembic import op
from sqlalchemy import Boolean, Column, PrimaryKeyConstraint, String

revision = "0007_applied_policies"
down_revision = "0006_scale"


def upgrade() -> None:
    """Create the table; what was applied before is not known."""
    op.create_table(
        "applied_policies",
        Column("policy", String(), nullable=False),
        Column("document", String(), nullable=False),
        Column("in_force", Boolean(), nullable=False),
        PrimaryKeyConstraint("policy", name="applied_policies_pk"),
    )
