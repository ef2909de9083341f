"""The tables of the catalog as they are at the newest revision of ``migrations/``.

A test compares the two. Nothing outside this package sees a row: ``rows.py`` turns rows into
values of ``orchestrator.model``. JSON columns hold only what is small and never searched.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    false,
)

from orchestrator.catalog.sql.columns import GROWING_NUMBER, EnumText, FreeText, UtcTime
from orchestrator.model.backup import CopyState, Trigger
from orchestrator.model.marks import MarkKind
from orchestrator.model.run import LogAction, LogOutcome, RunState

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_name)s_uq",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)

SERIES = Table(
    "series",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("path", String, nullable=False),
    Column("blocks_per_chunk", JSON, nullable=False),
)

# A row stays when its lease is released: the fence of a series only ever grows.
LEASES = Table(
    "leases",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("run", String, nullable=False),
    Column("holder", JSON, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", UtcTime, nullable=False),
    Column("released", Boolean, nullable=False),
)

RUNS = Table(
    "runs",
    METADATA,
    Column("id", String, primary_key=True),
    Column("policy", String, nullable=False),
    Column("database", String, nullable=False),
    Column("trigger", EnumText(Trigger), nullable=False),
    Column("slots", JSON, nullable=False),
    Column("state", EnumText(RunState), nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("actor", JSON, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("revision", String, nullable=False),
    Column("finished_at", UtcTime),
    Column("backup", String),
    Column("error_code", String),
    Column("error_what", FreeText),
    Column("error_next_step", FreeText),
    Index("runs_by_series", "policy", "database", "started_at", "id"),
    Index("runs_by_time", "started_at", "id"),
)

BACKUPS = Table(
    "backups",
    METADATA,
    Column("id", String, primary_key=True),
    Column("policy", String, nullable=False),
    Column("database", String, nullable=False),
    Column("path", String, nullable=False),
    Column("run", String, nullable=False),
    Column("snapshot_at", UtcTime, nullable=False),
    Column("finished_at", UtcTime, nullable=False),
    Column("trigger", EnumText(Trigger), nullable=False),
    Column("slots", JSON, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("revision", String, nullable=False),
    Column("git_commit", String),
    Column("manifest_digest", String, nullable=False),
    Column("tables", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("text_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("new_bytes", BigInteger, nullable=False),
    Column("pruned_at", UtcTime),
    Index("backups_by_series", "policy", "database", "snapshot_at", "id"),
    Index("backups_by_time", "snapshot_at", "id"),
)

# ``level`` is the number of model.verification.Level, so that SQL can compare levels.
COPIES = Table(
    "copies",
    METADATA,
    Column("backup", String, ForeignKey("backups.id"), primary_key=True),
    Column("destination", String, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("state", EnumText(CopyState), nullable=False),
    Column("level", Integer),
    Column("verified_at", UtcTime),
    Column("damage_level", Integer),
    Column("trouble", FreeText),
    Column("expired_at", UtcTime),
    Column("beyond_normal_ageing", Boolean, nullable=False, server_default=false()),
    Column("prune_refused_at", UtcTime),
)

# Copies that are gone; the row of a backup stays, too, with the time at which its last copy went.
TOMBSTONES = Table(
    "tombstones",
    METADATA,
    Column("backup", String, primary_key=True),
    Column("destination", String, primary_key=True),
    Column("pruned_at", UtcTime, primary_key=True),
    Column("policy", String, nullable=False),
    Column("database", String, nullable=False),
    Column("snapshot_at", UtcTime, nullable=False),
    Column("expired_at", UtcTime),
    Column("beyond_normal_ageing", Boolean, nullable=False),
    Column("reason", FreeText, nullable=False),
    Index("tombstones_by_time", "pruned_at"),
)

COLLECTIONS = Table(
    "collections",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("destination", String, primary_key=True),
    Column("looked_at", UtcTime, nullable=False),
)

# Objects at a destination that nothing there names.
UNREFERENCED = Table(
    "unreferenced",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("destination", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("first_seen", UtcTime, nullable=False),
)

# ``name`` is that of the mark's object at the destinations. ``id`` and ``who`` are null for a
# suspicion; ``reasons`` is empty for a release. The series stands here, too, because few backups
# have marks: those of a series are found without looking at its backups.
MARKS = Table(
    "marks",
    METADATA,
    Column("backup", String, ForeignKey("backups.id", ondelete="CASCADE"), primary_key=True),
    Column("name", String, primary_key=True),
    Column("kind", EnumText(MarkKind), nullable=False),
    Column("id", String),
    Column("at", UtcTime, nullable=False),
    Column("who", FreeText),
    Column("reasons", JSON, nullable=False),
    Column("until", UtcTime),
    Column("policy", String, nullable=False),
    Column("database", String, nullable=False),
    Index("marks_by_series", "policy", "database"),
)

# Series that were read in again and not acknowledged since: nothing of them is pruned.
REBUILT_SERIES = Table(
    "rebuilt_series",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("at", UtcTime, nullable=False),
)

DESTINATIONS = Table(
    "destinations",
    METADATA,
    Column("name", String, primary_key=True),
    Column("marker", String, nullable=False),
)

# One row: locking it makes two passes that apply at once wait for each other.
APPLIED_REVISION = Table(
    "applied_revision",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("digest", String),
    Column("git_commit", String),
    CheckConstraint("id = 1", name="one_row"),
)

APPLIED_SCHEDULES = Table(
    "applied_schedules",
    METADATA,
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("policy", String, nullable=False),
    Column("schedule", String, nullable=False),
    Column("cron", String, nullable=False),
    Column("timezone", String, nullable=False),
    Column("since", UtcTime, nullable=False),
)

PAUSES = Table(
    "pauses",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("since", UtcTime, nullable=False),
    Column("until", UtcTime, nullable=False),
    Column("actor", JSON, nullable=False),
)

# What was recorded is in the log; this is only how far.
MISSED = Table(
    "missed",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("schedule", String, primary_key=True),
    Column("until", UtcTime, nullable=False),
)

# Triggers refuse UPDATE and DELETE. ``identity`` is a digest of the whole entry: the same entry
# written again, because the outcome of a commit was unknown, stays one entry.
LOG = Table(
    "log",
    METADATA,
    Column("number", GROWING_NUMBER, Identity(), primary_key=True),
    Column("identity", String, nullable=False, unique=True),
    Column("at", UtcTime, nullable=False),
    Column("actor", JSON, nullable=False),
    Column("action", EnumText(LogAction), nullable=False),
    Column("subject", FreeText, nullable=False),
    Column("outcome", EnumText(LogOutcome), nullable=False),
    Column("detail", JSON, nullable=False),
    Index("log_by_time", "at", "number"),
)
