"""One attempt at a backup, and the append-only log of everything that was done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

from orchestrator.errors import InterruptedRunError, LeaseLostError, SeriesLockedError
from orchestrator.model.backup import RunReason
from orchestrator.model.names import BackupId, RunId, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts: operating system user, host and process.

    ``process_started`` (clock ticks since boot) and ``boot_id`` tell a process from a later one
    that was given the same number.
    """

    user: str
    host: str
    process: int
    process_started: int
    boot_id: str


class RunState(Enum):
    """Where an attempt stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


_NO_TROUBLE = frozenset(
    error.code for error in (InterruptedRunError, SeriesLockedError, LeaseLostError)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorReport:
    """An error as data: what happened, its stable code, and what to do next."""

    code: str
    what: str
    next_step: str

    @property
    def is_trouble(self) -> bool:
        """Whether something is wrong: not only that somebody asked a run to stop, or was first."""
        return self.code not in _NO_TROUBLE

    def __str__(self) -> str:
        return f"{self.what} [{self.code}]"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """How an attempt ended: never RUNNING; ``error`` unless it succeeded.

    ``backup`` is the backup that was published, which a failed or interrupted run may have, too:
    its proof failed, or was not finished. ``server_ahead`` is how much later the database's clock
    was than ours at its snapshot, or None if it came to none.
    """

    state: RunState
    backup: BackupId | None = None
    error: ErrorReport | None = None
    server_ahead: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One attempt at a backup of one series, whatever came of it.

    ``server_ahead`` is how much later the database's clock was than ours at its snapshot, if known.
    """

    id: RunId
    series: Series
    reason: RunReason
    state: RunState
    started_at: datetime
    actor: Actor
    fence: int
    revision: str
    finished_at: datetime | None = None
    backup: BackupId | None = None
    error: ErrorReport | None = None
    server_ahead: timedelta | None = None

    def finished(self, result: RunResult, at: datetime) -> "Run":
        """Return this run as closed at that time with that result."""
        return replace(
            self,
            state=result.state,
            backup=result.backup,
            error=result.error,
            server_ahead=result.server_ahead,
            finished_at=at,
        )


class LogAction(Enum):
    """What a log entry is about."""

    BACKUP = "backup"
    STORE = "store"
    ADOPT = "adopt"
    VERIFY = "verify"
    RESTORE = "restore"
    APPLY = "apply"
    RENAME = "rename"
    ATTACH = "attach"
    ALERT = "alert"
    HOLD = "hold"
    RELEASE = "release"
    ACKNOWLEDGE = "acknowledge"
    REBUILD = "rebuild"
    MISS = "miss"
    PAUSE = "pause"
    RESUME = "resume"
    EXPIRED = "expired"
    KEEP = "keep"
    PRUNE = "prune"
    COLLECT = "collect"
    ERASE = "erase"
    HEARTBEAT = "heartbeat"


CLOCK = "the clock"
"""What an acknowledgement in the log is about where somebody said that the clock is right."""


class LogOutcome(Enum):
    """How it ended; every start has an entry of its own, so that a crash leaves a trace."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One line of the append-only log: who did what, to what, when, and how it ended."""

    at: datetime
    actor: Actor
    action: LogAction
    subject: str
    outcome: LogOutcome
    detail: Mapping[str, str] = field(default_factory=dict)
