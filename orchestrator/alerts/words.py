"""What an alert calls things: how bad an event is, what it is named, and what it puts at risk. Pure.

Every clause is read after what it happened to: ``practice/app: backup failed``,
``server db:5432 (200 databases): backups still failing``.
"""

from dataclasses import dataclass
from enum import Enum

from orchestrator.errors import RunTooLongError
from orchestrator.model.alert import Alert, AlertKind
from orchestrator.model.policy import Event


class Severity(Enum):
    """How bad it is, in the first word of a subject."""

    CRITICAL = "CRITICAL"
    """A promise is broken: data may be lost, or nobody would notice if it were."""
    WARNING = "WARNING"
    """Every promise holds, but not for ever."""
    OK = "OK"
    """It is right again."""
    INFO = "INFO"
    """Nothing happened, for better or worse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said of one event; ``{s}`` is the plural where several databases are hit."""

    severity: Severity
    opened: str
    reminder: str
    recovered: str
    risk: str


SINCE_LAST_GOOD = "whatever changed since the last good backup"
EVERYTHING = "everything: there is no backup to go back to"

WORDS = {
    Event.FAILED: Words(
        severity=Severity.CRITICAL,
        opened="backup{s} failed",
        reminder="backup{s} still failing",
        recovered="backups succeed again",
        risk=SINCE_LAST_GOOD,
    ),
    Event.DEGRADED: Words(
        severity=Severity.WARNING,
        opened="backup{s} not at every destination",
        reminder="backup{s} still not at every destination",
        recovered="backups are at every destination again",
        risk="the newest backup, if the destinations that have it are lost before it is copied",
    ),
    Event.MISSED: Words(
        severity=Severity.CRITICAL,
        opened="backup{s} overdue",
        reminder="backup{s} still overdue",
        recovered="backups are on time again",
        risk=SINCE_LAST_GOOD,
    ),
    Event.LOW_STORAGE: Words(
        severity=Severity.WARNING,
        opened="space is running out",
        reminder="space is still running out",
        recovered="there is enough space again",
        risk="the next backups, once it is full. Nothing is pruned early to make room",
    ),
    Event.CORRUPT: Words(
        severity=Severity.CRITICAL,
        opened="damaged backup{s} found",
        reminder="backup{s} still damaged",
        recovered="no backup is damaged any more",
        risk="every restore that needs the damaged objects",
    ),
    Event.GUARD: Words(
        severity=Severity.CRITICAL,
        opened="rows or tables vanished",
        reminder="vanished rows or tables not acknowledged yet",
        recovered="vanished rows or tables are settled",
        risk="what vanished, if nobody meant it to. The backups from before still hold it, and"
        " nothing is pruned until somebody acknowledges",
    ),
    Event.UNCOVERED: Words(
        severity=Severity.WARNING,
        opened="tables are not backed up",
        reminder="tables are still not backed up",
        recovered="every table is backed up or excluded again",
        risk="everything in those tables: no backup holds them",
    ),
    Event.POLICY_INVALID: Words(
        severity=Severity.CRITICAL,
        opened="invalid",
        reminder="still invalid",
        recovered="valid again",
        risk="nothing that was changed in them is in force; where no loop runs, no backup is taken",
    ),
    Event.DRILL_FAILED: Words(
        severity=Severity.CRITICAL,
        opened="restore drill failed",
        reminder="restore drill still failing",
        recovered="the restore drill succeeds again",
        risk="the next restore: it may fail in the same way",
    ),
    Event.PRUNE_REFUSED: Words(
        severity=Severity.WARNING,
        opened="pruning refused",
        reminder="pruning still refused",
        recovered="pruning goes on again",
        risk="nothing: what should have been pruned is kept, and takes space",
    ),
    Event.CHANNEL_FAILING: Words(
        severity=Severity.CRITICAL,
        opened="alerts do not arrive",
        reminder="alerts still do not arrive",
        recovered="alerts arrive again",
        risk="whoever reads that channel hears of nothing. What was not delivered is kept, and"
        " sent when it works again",
    ),
    Event.RECOVERED: Words(
        severity=Severity.OK,
        opened="right again",
        reminder="right again",
        recovered="right again",
        risk="",
    ),
    Event.DIGEST: Words(
        severity=Severity.INFO,
        opened="summary",
        reminder="summary",
        recovered="summary",
        risk="",
    ),
}
"""The words of every event of design §9."""

OF_CODE = {
    (Event.DEGRADED, RunTooLongError.code): Words(
        severity=Severity.WARNING,
        opened="backup{s} reading for long",
        reminder="backup{s} still reading",
        recovered="no backup is reading for long any more",
        risk="nothing of the backups; the database grows, because vacuum has to wait",
    )
}
"""Events that happen in two ways, by what makes the difference."""


def words_of(alert: Alert) -> Words:
    """Return the words for what an alert tells of."""
    event = alert.cause.event
    return OF_CODE.get((event, alert.error.code), WORDS[event])


def severity_of(alert: Alert) -> Severity:
    """Return how bad it is that this alert tells of."""
    match alert.kind:
        case AlertKind.RECOVERED:
            return Severity.OK
        case AlertKind.UNWATCHED | AlertKind.DIGEST | AlertKind.TEST:
            return Severity.INFO
        case AlertKind.OPENED | AlertKind.REMINDER:
            return words_of(alert).severity


def clause_of(alert: Alert) -> str:
    """Return what happened in a few words, such as ``backup failed``."""
    words, plural = words_of(alert), "s" if len(alert.series) > 1 else ""
    match alert.kind:
        case AlertKind.OPENED:
            return words.opened.format(s=plural)
        case AlertKind.REMINDER:
            return words.reminder.format(s=plural)
        case AlertKind.RECOVERED:
            return words.recovered
        case AlertKind.UNWATCHED:
            return "no longer watched"
        case AlertKind.DIGEST:
            return "summary"
        case AlertKind.TEST:
            return "test message"


def risk_of(alert: Alert) -> str:
    """Return what would be lost if the worst came now, or an empty text."""
    if alert.kind not in {AlertKind.OPENED, AlertKind.REMINDER}:
        return ""
    risk = words_of(alert).risk
    if risk != SINCE_LAST_GOOD:
        return risk
    without = [words.startswith("none") for words in alert.last_good.values()]
    if not any(without):
        return risk
    if all(without) and len(without) == len(alert.series):
        return EVERYTHING
    return f"{risk}, or everything where there is none"
