"""Incidents, the outbox of alerts, and the facts that only alerts need."""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Integer,
    PrimaryKeyConstraint,
    String,
    text,
)

revision = "0008_outbox"
down_revision = "0007_applied_policies"

_TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Add tables; nothing was queued before, and nothing is known of uncovered tables."""
    _create_incidents()
    _create_outbox()
    _create_facts()
    op.create_index(
        "copies_damaged",
        "copies",
        ["backup"],
        sqlite_where=text("state = 'damaged'"),
        postgresql_where=text("state = 'damaged'"),
    )


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        Column("event", String(), nullable=False),
        Column("subject", String(), nullable=False),
        Column("channel", String(), nullable=False),
        Column("opened_at", _TIME, nullable=False),
        Column("since", _TIME, nullable=False),
        Column("series", JSON(), nullable=False),
        Column("error", JSON(), nullable=False),
        Column("told_at", _TIME, nullable=False),
        Column("told_before", JSON(), nullable=False),
        Column("reopened", Integer(), nullable=False),
        Column("gone_since", _TIME),
        Column("recovered_at", _TIME),
        Column("version", BigInteger(), nullable=False),
        PrimaryKeyConstraint("event", "subject", "channel", name="incidents_pk"),
    )


def _create_outbox() -> None:
    op.create_table(
        "outbox",
        Column("id", String(), nullable=False),
        Column("event", String(), nullable=False),
        Column("subject", String(), nullable=False),
        Column("channel", String(), nullable=False),
        Column("alert", JSON(), nullable=False),
        Column("created_at", _TIME, nullable=False),
        Column("next_attempt_at", _TIME, nullable=False),
        Column("state", String(), nullable=False),
        Column("attempts", Integer(), nullable=False),
        Column("claimed_by", JSON()),
        Column("claimed_until", _TIME),
        Column("answer", String(), nullable=False),
        Column("ended_at", _TIME),
        Column("version", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="outbox_pk"),
    )
    op.create_index("outbox_by_time", "outbox", ["created_at", "id"])
    op.create_index("outbox_undelivered", "outbox", ["ended_at", "created_at"])


def _create_facts() -> None:
    op.create_table(
        "setbacks",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("action", String(), nullable=False),
        Column("about", String(), nullable=False),
        Column("error", JSON(), nullable=False),
        Column("since", _TIME, nullable=False),
        PrimaryKeyConstraint("policy", "database", "action", "about", name="setbacks_pk"),
    )
    op.create_table(
        "uncovered_tables",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("tables", JSON(), nullable=False),
        Column("since", _TIME, nullable=False),
        PrimaryKeyConstraint("policy", "database", name="uncovered_tables_pk"),
    )
