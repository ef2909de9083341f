"""The first catalog: series, leases, runs, backups, copies, what was applied, and the log."""

from alembic import op
from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)

revision = "0001_first_catalog"
down_revision = None

_TIME = DateTime(timezone=True)
_NUMBER = BigInteger().with_variant(Integer, "sqlite")

_APPEND_ONLY_SQLITE = (
    """
    CREATE TRIGGER log_refuses_update BEFORE UPDATE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END
    """,
    """
    CREATE TRIGGER log_refuses_delete BEFORE DELETE ON log
    BEGIN SELECT RAISE(ABORT, 'the log is append-only'); END
    """,
)
_APPEND_ONLY_POSTGRESQL = (
    """
    CREATE FUNCTION refuse_change_of_log() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the log is append-only'; END $$
    """,
    """
    CREATE TRIGGER log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_log()
    """,
)


def upgrade() -> None:
    """Create everything."""
    _create_series_and_leases()
    _create_runs()
    _create_backups()
    _create_copies_and_destinations()
    _create_applied()
    _create_log()


def _create_series_and_leases() -> None:
    op.create_table(
        "series",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("path", String(), nullable=False),
        Column("blocks_per_chunk", JSON(), nullable=False),
        PrimaryKeyConstraint("policy", "database", name="series_pk"),
    )
    op.create_table(
        "leases",
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("run", String(), nullable=False),
        Column("holder", JSON(), nullable=False),
        Column("fence", BigInteger(), nullable=False),
        Column("expires_at", _TIME, nullable=False),
        Column("released", Boolean(), nullable=False),
        PrimaryKeyConstraint("policy", "database", name="leases_pk"),
    )


def _create_runs() -> None:
    op.create_table(
        "runs",
        Column("id", String(), nullable=False),
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("trigger", String(), nullable=False),
        Column("slots", JSON(), nullable=False),
        Column("state", String(), nullable=False),
        Column("started_at", _TIME, nullable=False),
        Column("actor", JSON(), nullable=False),
        Column("fence", BigInteger(), nullable=False),
        Column("revision", String(), nullable=False),
        Column("finished_at", _TIME),
        Column("backup", String()),
        Column("error_code", String()),
        Column("error_what", String()),
        Column("error_next_step", String()),
        PrimaryKeyConstraint("id", name="runs_pk"),
    )
    op.create_index("runs_by_series", "runs", ["policy", "database", "started_at", "id"])
    op.create_index("runs_by_time", "runs", ["started_at", "id"])


def _create_backups() -> None:
    op.create_table(
        "backups",
        Column("id", String(), nullable=False),
        Column("policy", String(), nullable=False),
        Column("database", String(), nullable=False),
        Column("path", String(), nullable=False),
        Column("run", String(), nullable=False),
        Column("snapshot_at", _TIME, nullable=False),
        Column("finished_at", _TIME, nullable=False),
        Column("trigger", String(), nullable=False),
        Column("slots", JSON(), nullable=False),
        Column("sequence", BigInteger(), nullable=False),
        Column("fence", BigInteger(), nullable=False),
        Column("revision", String(), nullable=False),
        Column("git_commit", String()),
        Column("manifest_digest", String(), nullable=False),
        Column("tables", BigInteger(), nullable=False),
        Column("rows", BigInteger(), nullable=False),
        Column("text_bytes", BigInteger(), nullable=False),
        Column("stored_bytes", BigInteger(), nullable=False),
        Column("new_bytes", BigInteger(), nullable=False),
        PrimaryKeyConstraint("id", name="backups_pk"),
    )
    op.create_index("backups_by_series", "backups", ["policy", "database", "snapshot_at", "id"])
    op.create_index("backups_by_time", "backups", ["snapshot_at", "id"])


def _create_copies_and_destinations() -> None:
    op.create_table(
        "copies",
        Column("backup", String(), nullable=False),
        Column("destination", String(), nullable=False),
        Column("position", Integer(), nullable=False),
        Column("state", String(), nullable=False),
        Column("level", Integer()),
        Column("verified_at", _TIME),
        Column("damage_level", Integer()),
        Column("trouble", String()),
        PrimaryKeyConstraint("backup", "destination", name="copies_pk"),
        ForeignKeyConstraint(["backup"], ["backups.id"], name="copies_backup_fk"),
    )
    op.create_table(
        "destinations",
        Column("name", String(), nullable=False),
        Column("marker", String(), nullable=False),
        PrimaryKeyConstraint("name", name="destinations_pk"),
    )


def _create_applied() -> None:
    op.create_table(
        "applied_revision",
        Column("id", Integer(), nullable=False, autoincrement=False),
        Column("digest", String()),
        Column("git_commit", String()),
        PrimaryKeyConstraint("id", name="applied_revision_pk"),
        CheckConstraint("id = 1", name="applied_revision_one_row_ck"),
    )
    op.create_table(
        "applied_schedules",
        Column("position", Integer(), nullable=False, autoincrement=False),
        Column("policy", String(), nullable=False),
        Column("schedule", String(), nullable=False),
        Column("cron", String(), nullable=False),
        Column("timezone", String(), nullable=False),
        Column("since", _TIME, nullable=False),
        PrimaryKeyConstraint("position", name="applied_schedules_pk"),
    )


def _create_log() -> None:
    op.create_table(
        "log",
        Column("number", _NUMBER, Identity(), nullable=False),
        Column("identity", String(), nullable=False),
        Column("at", _TIME, nullable=False),
        Column("actor", JSON(), nullable=False),
        Column("action", String(), nullable=False),
        Column("subject", String(), nullable=False),
        Column("outcome", String(), nullable=False),
        Column("detail", JSON(), nullable=False),
        PrimaryKeyConstraint("number", name="log_pk"),
        UniqueConstraint("identity", name="log_identity_uq"),
    )
    op.create_index("log_by_time", "log", ["at", "number"])
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _APPEND_ONLY_SQLITE if on_sqlite else _APPEND_ONLY_POSTGRESQL:
        op.execute(statement)
