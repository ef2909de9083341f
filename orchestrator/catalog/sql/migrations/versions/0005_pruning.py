"""Expired copies, tombstones of pruned ones, and objects that nothing names."""

from alembic import op
from sqlalchemy import Boolean, Column, DateTime, PrimaryKeyConstraint, String, false

revision = "0005_pruning"
down_revision = "0004_rebuilt_series"

_TIME = DateTime(timezone=True)


def upgrade() -> None:
    """Add columns and tables; nothing was ever pruned before."""
    op.add_column("backups", Column("pruned_at", _TIME))
    op.add_column("copies", Column("expired_at", _TIME))
    op.add_column(
        "copies",
        Column("beyond_normal_ageing", Boolean(), nullable=False, server_default=false()),
    )
    op.add_column("copies", Column("prune_refused_at", _TIME))
    _create_tombstones()
    _create_collections()


def _create_tombstones() -> None:
    op.create_table(
        "tombstones",
        Column("backup", String(), nullable=False),
        Column("destination", String(), nullable=False),
        Column("pruned_at", _TIME, nullable=False),
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("snapshot_at", _TIME, nullable=False),
        Column("expired_at", _TIME),
        Column("beyond_normal_ageing", Boolean(), nullable=False),
        Column("reason", String(), nullable=False),
        PrimaryKeyConstraint("backup", "destination", "pruned_at", name="tombstones_pk"),
    )
    op.create_index("tombstones_by_time", "tombstones", ["pruned_at"])


def _create_collections() -> None:
    op.create_table(
        "collections",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("destination", String(), nullable=False),
        Column("looked_at", _TIME, nullable=False),
        PrimaryKeyConstraint("policy", "database", "destination", name="collections_pk"),
    )
    op.create_table(
        "unreferenced",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("destination", String(), nullable=False),
        Column("key", String(), nullable=False),
        Column("first_seen", _TIME, nullable=False),
        PrimaryKeyConstraint("policy", "database", "destination", "key", name="unreferenced_pk"),
    )
