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
    Interval,
    MetaData,
    String,
    Table,
    false,
    text,
)

from orchestrator.catalog.sql.columns import GROWING_NUMBER, EnumText, FreeText, UtcTime
from orchestrator.model.backup import CopyState, Trigger
from orchestrator.model.incident import MessageState
from orchestrator.model.marks import MarkKind
from orchestrator.model.policy import Event
from orchestrator.model.run import LogAction, LogOutcome, RunState

METADATA = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "uq": "%(table_name)s_%(column_0_name)s_uq",
        "ck": "%(table_name)s_%(constraint_name)s_ck",
    }
)

BROKEN_OFF = "state IN ('failed', 'interrupted')"
"""The attempts that failed or were interrupted: few, in an index of their own, found by this text."""

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
    Column("server_ahead", Interval),
    Index("runs_by_series", "policy", "database", "started_at", "id"),
    Index(
        "runs_broken_off",
        *("policy", "database", "finished_at", "started_at"),
        sqlite_where=text(BROKEN_OFF),
        postgresql_where=text(BROKEN_OFF),
    ),
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
    Index(
        "backups_listed",
        *("policy", "database", "snapshot_at", "id", "finished_at", "sequence", "pruned_at"),
        "trigger",
        sqlite_where=text("pruned_at IS NULL"),
        postgresql_where=text("pruned_at IS NULL"),
    ),
    Index("backups_by_time", "snapshot_at", "id"),
)

# ``level`` is the number of model.verification.Level, so that SQL can compare levels. The series
# stands here, too: its copies lie side by side in an index, and are read without their backups.
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
    Column("policy", String, nullable=False, server_default=""),
    Column("database", String, nullable=False, server_default=""),
    # Every pass reads these columns of every copy, and nothing else of it.
    Index(
        "copies_by_series",
        *("policy", "database", "backup", "position", "destination", "state", "level"),
        *("expired_at", "beyond_normal_ageing", "prune_refused_at"),
    ),
    # Few copies are damaged, and every pass asks for them.
    Index(
        "copies_damaged",
        "backup",
        sqlite_where=text("state = 'damaged'"),
        postgresql_where=text("state = 'damaged'"),
    ),
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

# Each policy as it was in force last, without any secret; one that is gone stays, not in force.
APPLIED_POLICIES = Table(
    "applied_policies",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("document", String, nullable=False),
    Column("in_force", Boolean, nullable=False),
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

# Bytes. Old measurements are thinned by whoever records new ones.
SPACE = Table(
    "space",
    METADATA,
    Column("destination", String, primary_key=True),
    Column("at", UtcTime, primary_key=True),
    Column("free", BigInteger, nullable=False),
    Column("whole", BigInteger, nullable=False),
)

# A row stays until the place can be measured again.
UNMEASURED = Table(
    "unmeasured",
    METADATA,
    Column("destination", String, primary_key=True),
    Column("at", UtcTime, nullable=False),
    Column("why", FreeText, nullable=False),
)

# What each channel was told of each cause. A row stays for a while when its trouble is over: what
# comes back soon is the same incident. ``series`` are pairs of policy and database.
INCIDENTS = Table(
    "incidents",
    METADATA,
    Column("event", EnumText(Event), primary_key=True),
    Column("subject", String, primary_key=True),
    Column("channel", String, primary_key=True),
    Column("opened_at", UtcTime, nullable=False),
    Column("since", UtcTime, nullable=False),
    Column("series", JSON, nullable=False),
    Column("error", JSON, nullable=False),
    Column("told_at", UtcTime, nullable=False),
    Column("told_before", JSON, nullable=False),
    Column("reopened", Integer, nullable=False),
    Column("gone_since", UtcTime),
    Column("recovered_at", UtcTime),
    Column("version", BigInteger, nullable=False),
)

# What is said, until long after it was sent. ``alert`` is the whole message, without secrets.
OUTBOX = Table(
    "outbox",
    METADATA,
    Column("id", String, primary_key=True),
    Column("event", EnumText(Event), nullable=False),
    Column("subject", FreeText, nullable=False),
    Column("channel", String, nullable=False),
    Column("alert", JSON, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("next_attempt_at", UtcTime, nullable=False),
    Column("state", EnumText(MessageState), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claimed_by", JSON),
    Column("claimed_until", UtcTime),
    Column("answer", FreeText, nullable=False),
    Column("ended_at", UtcTime),
    Column("version", BigInteger, nullable=False),
    Index("outbox_by_time", "created_at", "id"),
    Index("outbox_undelivered", "ended_at", "created_at"),
)

# Actions that failed last time and left no run that says so.
SETBACKS = Table(
    "setbacks",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("action", String, primary_key=True),
    Column("about", String, primary_key=True),
    Column("error", JSON, nullable=False),
    Column("since", UtcTime, nullable=False),
)

# Tables that no pattern named when the newest backup was taken; most series have no row.
UNCOVERED_TABLES = Table(
    "uncovered_tables",
    METADATA,
    Column("policy", String, primary_key=True),
    Column("database", String, primary_key=True),
    Column("tables", JSON, nullable=False),
    Column("since", UtcTime, nullable=False),
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
