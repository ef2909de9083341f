"""Telling somebody that a promise broke (design §9).

A dead channel never changes the outcome: it is logged, and returned to be shown. The outbox that
retries comes later; its port is there.
"""

import logging
import shlex
from datetime import datetime, timedelta

from orchestrator.errors import InterruptedRunError, Kind, OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import report_of
from orchestrator.model.actions import (
    Action,
    CollectChunks,
    KeepAgain,
    MarkExpired,
    PruneCopy,
    RecoverSeries,
    TakeBackup,
    VerifyCopy,
)
from orchestrator.model.alert import Alert, Delivery, DeliveryState
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import Series
from orchestrator.model.outcome import Failed
from orchestrator.model.policy import Channel, Event
from orchestrator.model.run import LogAction, LogOutcome

_log = logging.getLogger(__name__)


def deliver_alert(failed: Failed, execution: Execution) -> tuple[Delivery, ...]:
    """Tell every channel that the policy routes failures to, and return what came of it.

    Nobody is told of a series that another run is working on, which is no failure, nor of a run
    that a person or the system asked to stop, who knows. Never raises.
    """
    if failed.kind is Kind.LOCKED or failed.error.code == InterruptedRunError.code:
        return ()
    try:
        alert = alert_of(failed, execution)
        channels = _channels_of(alert.series, execution)
    except OrchestratorError as error:
        _log.warning("alert_not_sent", extra={"code": error.code, "what": error.what})
        return ()
    return tuple(_deliver(alert, channel, execution) for channel in channels)


def alert_of(failed: Failed, execution: Execution) -> Alert:
    """Return what is to be said about a failed action."""
    at = execution.clock.now()
    series = failed.action.series
    return Alert(
        event=Event.FAILED,
        series=series,
        at=at,
        error=failed.error,
        last_good=_last_good(series, execution, at),
        next_command=next_command(failed.action, failed.kind),
    )


def next_command(action: Action, kind: Kind) -> str:
    """Return the command that goes on from a failed action."""
    match action:
        case VerifyCopy() if kind is Kind.FAILED:
            return f"orchestrator verify {action.backup} --level content"
        case RecoverSeries() | VerifyCopy():
            return "orchestrator apply"
        case TakeBackup() if kind in (Kind.POLICY, Kind.USAGE):
            return "orchestrator validate"
        case TakeBackup():
            database = shlex.quote(action.series.database)
            return f"orchestrator backup {action.series.policy} --database {database}"
        case MarkExpired() | KeepAgain() | PruneCopy() | CollectChunks():
            return "orchestrator prune --dry-run"


def describe_last_good(backup: Backup | None, known: int, *, now: datetime) -> str:
    """Return the last good backup in words, or that there is none among so many known ones."""
    if backup is None:
        if not known:
            return "none: this series has never had a backup"
        return f"none: no copy of its {known} backups is intact"
    level = f"verified to {backup.level.label}" if backup.level else "not verified"
    return f"{backup.id}, {_age(now - backup.snapshot_at)} old, {level}"


def _last_good(series: Series, execution: Execution, now: datetime) -> str:
    try:
        backups = execution.reader.backups(series)
    except Exception as error:  # noqa: BLE001 - a broken catalog must not keep the alert back
        _log.debug("last_good_unknown", exc_info=error)
        return f"unknown: {report_of(error).what}"
    intact = [
        backup
        for backup in backups
        if any(copy.state is CopyState.COMPLETE for copy in backup.copies)
    ]
    good = [backup for backup in intact if not backup.is_suspicious] or intact
    return describe_last_good(good[-1] if good else None, len(backups), now=now)


def _age(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds() // 60))
    if minutes < 120:  # noqa: PLR2004 - up to two hours minutes say more
        return f"{minutes} min"
    hours = minutes // 60
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"  # noqa: PLR2004 - the same for days


def _channels_of(series: Series, execution: Execution) -> list[Channel]:
    routes = execution.policy_of(series).alerts
    wanted = [route.to for route in routes if Event.FAILED in route.on]
    return [execution.desired.channels[name] for name in dict.fromkeys(wanted)]


def _deliver(alert: Alert, channel: Channel, execution: Execution) -> Delivery:
    try:
        delivery = execution.alerts.send(alert, channel)
    except Exception as error:  # noqa: BLE001 - whatever breaks a channel, the outcome stands
        _log.debug("channel_raised", extra={"channel": channel.name}, exc_info=error)
        answer = f"the channel broke with {type(error).__name__}"
        delivery = Delivery(channel=channel.name, state=DeliveryState.FAILED, answer=answer)
    if delivery.state is DeliveryState.FAILED:
        _log_dead_channel(alert, delivery, execution)
    return delivery


def _log_dead_channel(alert: Alert, delivery: Delivery, execution: Execution) -> None:
    detail = {"channel": str(delivery.channel), "answer": delivery.answer}
    entry = execution.log_entry(LogAction.ALERT, str(alert.series), LogOutcome.FAILED, detail)
    try:
        execution.writer.append_log(entry)
    except OrchestratorError as error:
        _log.warning("dead_channel_not_logged", extra={"channel": delivery.channel})
        _log.debug("dead_channel_not_logged: %s", error, exc_info=error)
