"""The figures that monitoring collects, taken from what was observed. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from orchestrator.model.incident import Message
from orchestrator.model.names import ChannelName, DestinationName, PolicyName, ScheduleName, Series
from orchestrator.model.observation import Observation, SeriesObservation
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.model.run import Run
from orchestrator.model.space import Space, SpaceHistory
from orchestrator.model.verification import Level
from orchestrator.planning.health.pulse import promises_of, take_pulse


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupFigures:
    """The newest good backup of a series: sizes in bytes, times in aware UTC, or seconds.

    ``duration`` is from its snapshot to its end.
    """

    snapshot_at: datetime
    age: float
    duration: float
    level: Level | None
    tables: int
    rows: int
    text_bytes: int
    stored_bytes: int
    new_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFigures:
    """One series. ``runs`` counts the attempts of the last day by how they stand.

    ``failures`` are the attempts that failed since one succeeded, ``suspicious`` the backups that
    wait for somebody to look at them. ``promises`` says of each schedule whether its promise is kept.
    """

    series: Series
    newest: BackupFigures | None
    backups: int
    promised_level: Level
    failures: int
    suspicious: int
    promises: Mapping[ScheduleName, bool]
    runs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceFigures:
    """One destination as it was measured last, if ever; ``is_measurable`` is about the last try."""

    destination: DestinationName
    space: Space | None
    measured_at: datetime | None
    is_measurable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Everything, at one moment. ``waiting`` counts the undelivered messages of each channel."""

    at: datetime
    pass_succeeded: bool
    policies_valid: bool = True
    well: Mapping[PolicyName, bool] = field(default_factory=dict)
    series: tuple[SeriesFigures, ...] = ()
    places: tuple[PlaceFigures, ...] = ()
    waiting: Mapping[ChannelName, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known besides an observation: attempts of the last day, space, waiting messages."""

    runs: Sequence[Run]
    space: Mapping[DestinationName, SpaceHistory]
    undelivered: Sequence[Message]


def take_figures(
    desired: DesiredState,
    seen: Observation,
    known: Known,
    *,
    pass_succeeded: bool,
    policies_valid: bool = True,
) -> Figures:
    """Return the figures of everything that the policies in force name, sorted."""
    waiting = Counter(message.channel for message in known.undelivered)
    policies = [policy for _, policy in sorted(desired.policies.items())]
    return Figures(
        at=seen.now,
        pass_succeeded=pass_succeeded,
        policies_valid=policies_valid,
        well={policy.name: take_pulse(policy, seen).is_well for policy in policies},
        series=tuple(_series(policies, seen, known.runs)),
        places=tuple(
            _place(name, known.space.get(name, SpaceHistory()))
            for name in sorted(desired.destinations)
        ),
        waiting={name: waiting[name] for name in sorted({*desired.channels, *waiting})},
    )


def _series(
    policies: Sequence[Policy], seen: Observation, runs: Sequence[Run]
) -> Iterator[SeriesFigures]:
    counted: dict[Series, Counter[str]] = {}
    for run in runs:
        counted.setdefault(run.series, Counter())[run.state.value] += 1
    for policy in policies:
        promises = list(promises_of(policy, seen))
        for series in sorted(policy.series):
            one = seen.series[series]
            yield SeriesFigures(
                series=series,
                newest=_newest(one, seen.now),
                backups=one.backups,
                promised_level=policy.after_backup,
                failures=len(one.failures),
                suspicious=sum(backup.is_suspicious for backup in one.marked),
                promises={
                    promise.schedule: promise.is_kept
                    for promise in promises
                    if promise.series == series
                },
                runs=counted.get(series, Counter()),
            )


def _newest(one: SeriesObservation, now: datetime) -> BackupFigures | None:
    backup = one.newest
    if backup is None:
        return None
    return BackupFigures(
        snapshot_at=backup.snapshot_at,
        age=(now - backup.snapshot_at).total_seconds(),
        duration=(backup.finished_at - backup.snapshot_at).total_seconds(),
        level=backup.level,
        tables=backup.tables,
        rows=backup.rows,
        text_bytes=backup.text_bytes,
        stored_bytes=backup.stored_bytes,
        new_bytes=backup.new_bytes,
    )


def _place(name: DestinationName, history: SpaceHistory) -> PlaceFigures:
    latest = history.latest
    return PlaceFigures(
        destination=name,
        space=latest.space if latest else None,
        measured_at=latest.at if latest else None,
        is_measurable=history.unmeasured is None,
    )
