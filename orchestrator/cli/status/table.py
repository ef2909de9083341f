"""`status` as people read it."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestrator.cli.marks import sentences_of_marks
from orchestrator.cli.rendering import format_utc
from orchestrator.model.names import DestinationName
from orchestrator.model.observation import SeriesObservation
from orchestrator.model.space import SpaceHistory
from orchestrator.planning.alerting.finding.beyond_series import failing_channels
from orchestrator.planning.health.ailments import say_unmeasured
from orchestrator.planning.health.pulse import promises_of, say_unlisted
from orchestrator.planning.phrases import say_size
from orchestrator.planning.promises import Promise
from orchestrator.planning.storage import forecast_full, say_forecast
from orchestrator.reconciler.monitoring.look_at_health import Health

PROMISES = ("SERIES", "SCHEDULE", "PROMISE", "WHY")
PLACES = ("DESTINATION", "FREE", "OF", "MEASURED", "AT THIS GROWTH")

Row = tuple[str, ...]


def rows_of_promises(health: Health) -> Sequence[Row]:
    """Return one row for each promise; none is kept any more to a database that is gone."""
    return [
        _row_of_promise(promise, is_gone=promise.series.database in policy.source.found.gone)
        for policy in health.desired.policies.values()
        for promise in promises_of(policy, health.seen)
    ]


def _row_of_promise(promise: Promise, *, is_gone: bool) -> Row:
    series, schedule = str(promise.series), promise.schedule
    if is_gone:
        return (series, schedule, "BROKEN", "the server has no such database any more")
    return (series, schedule, "kept" if promise.is_kept else "BROKEN", promise.sentence)


def rows_of_places(health: Health) -> Sequence[Row]:
    """Return one row for each destination that was ever measured."""
    return [
        _row_of_place(name, health.space[name], health.seen.now)
        for name in sorted(health.desired.destinations)
        if name in health.space and health.space[name].latest is not None
    ]


def _row_of_place(name: DestinationName, history: SpaceHistory, now: datetime) -> Row:
    latest = history.latest
    if latest is None:
        return (name, "", "", "", "")
    forecast = forecast_full(history.measurements, now=now)
    space = latest.space
    return (
        name,
        f"{say_size(space.free)} ({space.free_share:.0f} %)",
        say_size(space.whole),
        format_utc(latest.at),
        "-" if forecast is None else say_forecast(forecast, now=now),
    )


def notes(health: Health) -> Iterator[str]:
    """Yield what else there is to say, a line at a time."""
    for policy in health.desired.policies.values():
        yield from say_unlisted(policy)
        for series in policy.series:
            yield from _notes_of_series(health.seen.series[series])
    yield from _notes_of_places(health)
    for channel, messages in failing_channels(health.undelivered).items():
        yield (
            f"channel {channel}: does not take its alerts: {messages[-1].answer}"
            f" (`orchestrator alerts test {channel}`)"
        )
    for series, number in health.retired.items():
        yield (
            f"{series}: retired: no policy file names it; its {number} backups are kept"
            f" (`orchestrator erase {series}` removes them for good)"
        )


def _notes_of_series(one: SeriesObservation) -> Iterator[str]:
    if one.last_failure is not None:
        failure = one.last_failure
        cause = f": {failure.error}" if failure.error else ""
        yield (
            f"{one.series}: the last attempt, {format_utc(failure.started_at)},"
            f" {failure.state.value}{cause}"
        )
    for backup in one.marked:
        for name, text in sentences_of_marks(backup):
            yield f"{one.series}: {backup.id}: {name}: {text}"
        if backup.is_suspicious:
            yield f"  look at it, then: orchestrator acknowledge {backup.id} --reason …"
    for skipped in one.upkeep.skipped:
        yield f"{skipped.series}: {skipped.kind.value.replace('_', ' ')}: {skipped.reason}"


def _notes_of_places(health: Health) -> Iterator[str]:
    for name, history in health.space.items():
        if name in health.desired.destinations and history.unmeasured is not None:
            yield say_unmeasured(name, history.unmeasured.why, history.unmeasured.at)
