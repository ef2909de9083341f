"""What is wrong now, from what was observed, grouped by cause. Pure.

Every pass asks anew; nothing here remembers what was told before.
"""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from orchestrator.errors import (
    DamagedBackupError,
    PruneRefusedError,
    SuspiciousBackupError,
    UncoveredTableError,
    UnknownBackupsError,
)
from orchestrator.model.actions import RecoverSeries, TakeBackup, VerifyCopy
from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.incident import DamagedCopy, Message, Setback, UncoveredTables
from orchestrator.model.names import Series
from orchestrator.model.observation import Observation, SeriesObservation
from orchestrator.model.plan import SkipKind
from orchestrator.model.policy import DesiredState, Event, OnUncovered, Policy
from orchestrator.model.run import ErrorReport, Run
from orchestrator.planning.alerting.causes import (
    CATALOG,
    DAMAGED,
    OF_USER,
    PRUNING,
    cause_of_failure,
)
from orchestrator.planning.alerting.finding.ageing import TOO_LONG, find_ageing
from orchestrator.planning.alerting.finding.beyond_series import (
    find_channel_troubles,
    find_policy_trouble,
)
from orchestrator.planning.alerting.finding.databases import find_gone, find_unlisted
from orchestrator.planning.alerting.finding.overdue import find_overdue
from orchestrator.planning.alerting.finding.vanished import list_found
from orchestrator.planning.alerting.subjects import shorten_failure, shorten_suspicion
from orchestrator.planning.explain import KINDS

PROVE_ALL = "orchestrator verify --all --level content"
_BACKING_UP = frozenset(KINDS[action] for action in (RecoverSeries, TakeBackup, VerifyCopy))
"""All other actions tidy up."""

_SHOWN_BY_ONE = frozenset({Event.UNCOVERED})
_SHOWN = 3
"""So many of a kind are named in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What is known besides an observation.

    ``problems`` are those of policy files that are not in force because of them, since
    ``problems_since``. ``undelivered`` are messages of the outbox. ``others`` are troubles that
    were found elsewhere, such as places that fill up. ``running`` are the runs under way.
    """

    setbacks: Sequence[Setback] = ()
    damaged: Sequence[DamagedCopy] = ()
    uncovered: Sequence[UncoveredTables] = ()
    running: Sequence[Run] = ()
    undelivered: Sequence[Message] = ()
    problems: Sequence[str] = ()
    problems_since: datetime | None = None
    others: Sequence[Trouble] = ()


def find_troubles(
    desired: DesiredState, seen: Observation, findings: Findings
) -> tuple[Trouble, ...]:
    """Return everything that is wrong, one trouble per cause, sorted by event and subject.

    A failure that many series share is one trouble. What only follows from another trouble of the
    same series is no trouble of its own: a backup that is missed because it fails, a run that
    failed because its backup is damaged, pruning that waits for a success or for a human who was
    told already.
    """
    return join_by_cause(
        [
            *_find_of_series(desired, seen, findings),
            *find_channel_troubles(findings.undelivered, seen.now),
            *find_policy_trouble(findings.problems, findings.problems_since or seen.now),
            *findings.others,
        ]
    )


def join_by_cause(troubles: Iterable[Trouble]) -> tuple[Trouble, ...]:
    """Return one trouble per cause, with all series that it hits, as old as the oldest of them."""
    grouped: dict[Cause, list[Trouble]] = {}
    for trouble in troubles:
        grouped.setdefault(trouble.cause, []).append(trouble)
    joined = (_join(group) for group in grouped.values())
    return tuple(sorted(joined, key=lambda one: (one.cause.event.value, one.cause.subject)))


def _join(group: Sequence[Trouble]) -> Trouble:
    first = min(group, key=lambda trouble: (trouble.since, trouble.series))
    series = sorted({series for trouble in group for series in trouble.series})
    if len(group) == 1:
        return replace(first, series=tuple(series))
    return replace(
        first,
        series=tuple(series),
        next_command=_command_of_many(first, group) if len(series) > 1 else first.next_command,
        also=frozenset[Event]().union(*(trouble.also for trouble in group)),
    )


def _command_of_many(first: Trouble, group: Sequence[Trouble]) -> str:
    if len({trouble.next_command for trouble in group}) == 1 or first.cause.event in _SHOWN_BY_ONE:
        return first.next_command
    match first.cause.event:
        case Event.FAILED if first.cause.subject != CATALOG:
            return "orchestrator validate --online"
        case Event.CORRUPT:
            return PROVE_ALL
        case Event.MISSED if _is_all_backup_of_one(group):
            return f"orchestrator backup {shlex.quote(first.series[0].policy)}"
        case _:
            return "orchestrator status"


def _is_all_backup_of_one(group: Sequence[Trouble]) -> bool:
    policies = {series.policy for trouble in group for series in trouble.series}
    commands = (trouble.next_command for trouble in group)
    return len(policies) == 1 and all(one.startswith("orchestrator backup ") for one in commands)


# ------------------------------------------------------------------ one series
@dataclass(frozen=True, slots=True)
class _View:
    """One series, and what is known of it."""

    policy: Policy
    seen: SeriesObservation
    whole: Observation
    setbacks: Sequence[Setback]
    damaged: Sequence[DamagedCopy]
    uncovered: UncoveredTables | None
    running: Sequence[Run]

    @property
    def series(self) -> Series:
        return self.seen.series

    @property
    def named(self) -> str:
        """The series as an argument of `backup`."""
        return f"{shlex.quote(self.series.policy)} {self.database_option}"

    @property
    def options(self) -> str:
        """The series as options, where one policy may have many databases."""
        return f"--policy {shlex.quote(self.series.policy)} {self.database_option}"

    @property
    def database_option(self) -> str:
        return f"--database {shlex.quote(self.series.database)}"


def _find_of_series(
    desired: DesiredState, seen: Observation, findings: Findings
) -> Iterator[Trouble]:
    setbacks, damaged = _by_series(findings.setbacks), _by_series(findings.damaged)
    running = _by_series(findings.running)
    uncovered = {one.series: one for one in findings.uncovered}
    for policy in desired.policies.values():
        yield from find_unlisted(policy, seen.now)
        for series in policy.series:
            if series in seen.series:
                yield from _find_of_one(
                    _View(
                        policy,
                        seen.series[series],
                        seen,
                        setbacks.get(series, ()),
                        damaged.get(series, ()),
                        uncovered.get(series),
                        running.get(series, ()),
                    )
                )


T = TypeVar("T", Setback, DamagedCopy, Run)


def _by_series(items: Iterable[T]) -> Mapping[Series, list[T]]:
    grouped: dict[Series, list[T]] = {}
    for item in items:
        grouped.setdefault(item.series, []).append(item)
    return grouped


def _find_of_one(view: _View) -> Iterator[Trouble]:
    failed, corrupt = _find_failure(view), _find_corrupt(view)
    gone = find_gone(view.policy, view.seen, view.whole.now)
    missed, suspicious = (
        gone or find_overdue(view.policy, view.seen, view.whole),
        _find_suspicious(view),
    )
    if corrupt and failed and failed.error.code in DAMAGED:
        failed, corrupt = None, replace(corrupt, also=frozenset({Event.FAILED}))
    if failed and missed:
        failed, missed = replace(failed, also=failed.also | {Event.MISSED}), None
    refused = None
    if not failed and not suspicious and view.seen.last_failure is None:
        refused = _find_refused(view)
    ageing = find_ageing(view.policy, view.seen, view.running, view.whole.now)
    found = (failed, corrupt, missed, suspicious, _find_uncovered(view), refused, ageing)
    yield from (trouble for trouble in found if trouble is not None)
    yield from _find_setbacks(view, is_corrupt=corrupt is not None)


def _find_failure(view: _View) -> Trouble | None:
    """The attempts since the last success, unless nothing but interruptions happened."""
    failures = [run for run in view.seen.failures if run.error is not None and run.error.is_trouble]
    if not failures or failures[-1].error is None:
        return None
    error = failures[-1].error
    cause = cause_of_failure(error, view.series, view.policy)
    began = (
        run
        for run in failures
        if run.error is not None and cause_of_failure(run.error, view.series, view.policy) == cause
    )
    return Trouble(
        cause=cause,
        series=(view.series,),
        since=next(began).started_at,
        error=error,
        short=shorten_failure(error.what, cause, view.series),
        next_command=_command_of_failure(error, cause) or f"orchestrator backup {view.named}",
        # That half of its time was over is not right again because the whole of it is.
        also=frozenset({Event.DEGRADED} if error.code == TOO_LONG else ()),
    )


def _find_setbacks(view: _View, *, is_corrupt: bool) -> Iterator[Trouble]:
    for setback in view.setbacks:
        if not setback.error.is_trouble or (is_corrupt and setback.error.code in DAMAGED):
            continue
        tidies = setback.action not in _BACKING_UP
        cause = cause_of_failure(setback.error, view.series, view.policy)
        yield Trouble(
            cause=cause,
            series=(view.series,),
            short=shorten_failure(setback.error.what, cause, view.series),
            since=setback.since,
            error=setback.error,
            next_command=_command_of_failure(setback.error, cause)
            or f"orchestrator {'prune --dry-run' if tidies else 'apply'}",
        )


def _command_of_failure(error: ErrorReport, cause: Cause) -> str | None:
    """Return what to type where another try alone would fail in the same way, or None."""
    if error.code in OF_USER:
        return "orchestrator validate"
    place = cause.subject.removeprefix("destination ")
    if error.code == UnknownBackupsError.code and place != cause.subject:
        return f"orchestrator catalog rebuild --from {shlex.quote(place)}"
    return None


def _find_corrupt(view: _View) -> Trouble | None:
    if not view.damaged:
        return None
    newest = view.damaged[-1]
    found = [copy.found_at for copy in view.damaged if copy.found_at is not None]
    others = len(view.damaged) - 1
    more = "; so is 1 other copy" if others == 1 else f"; so are {others} other copies"
    return Trouble(
        cause=Cause(Event.CORRUPT, f"destination {newest.destination}"),
        series=(view.series,),
        since=min(found, default=view.whole.now),
        short=f"{newest.backup} of {view.series}{f', and {others} more' if others else ''}",
        error=ErrorReport(
            code=DamagedBackupError.code,
            what=f"backup {newest.backup} of {view.series} at {newest.destination} is damaged:"
            f" {newest.trouble}{more if others else ''}",
            next_step=f"mend the place, then take a new backup with `orchestrator backup {view.named}`:"
            " it stores again whatever of the damaged objects it needs. The command below proves"
            " every copy anew; what stays damaged then is lost, and is told until it is pruned",
        ),
        next_command=f"{PROVE_ALL} {view.options}",
    )


def _find_suspicious(view: _View) -> Trouble | None:
    waiting = [backup for backup in view.seen.marked if backup.is_suspicious and backup.suspicion]
    if not waiting or waiting[-1].suspicion is None:
        return None
    newest, reasons = waiting[-1], waiting[-1].suspicion.reasons
    good = view.seen.unsuspicious
    first = waiting[0].suspicion
    return Trouble(
        cause=Cause(Event.GUARD, str(view.series)),
        series=(view.series,),
        since=first.at if first else newest.snapshot_at,
        short=shorten_suspicion("; ".join(reasons)),
        error=ErrorReport(
            code=SuspiciousBackupError.code,
            what=f"backup {newest.id} of {view.series} is suspicious: {_list(reasons, '; ')}",
            next_step="look whether anybody misses them; if all is as it should be, say so with"
            f" `orchestrator acknowledge {newest.id} --reason …`. Until then nothing of the series"
            " is pruned",
        ),
        next_command=f"orchestrator show {newest.id}"
        if good is None
        else f"orchestrator diff {good.id} {newest.id}",
        found=list_found(waiting),
    )


def _find_uncovered(view: _View) -> Trouble | None:
    found = view.uncovered
    if found is None or not found.tables or view.policy.tables.on_uncovered is OnUncovered.IGNORE:
        return None
    names = _list(found.tables, ", ")
    is_are = "table is" if len(found.tables) == 1 else "tables are"
    return Trouble(
        cause=Cause(Event.UNCOVERED, str(view.policy.name)),
        series=(view.series,),
        since=found.since,
        short=names,
        error=ErrorReport(
            code=UncoveredTableError.code,
            what=f"{len(found.tables)} {is_are} not in the backups of {view.series}: no pattern of"
            f" the policy names {names}",
            next_step="add a pattern to `tables.include` or `tables.exclude` of the policy",
        ),
        next_command=f"orchestrator show latest {view.options}",
    )


def _find_refused(view: _View) -> Trouble | None:
    refused = [
        skipped for skipped in view.seen.upkeep.skipped if skipped.kind is SkipKind.PRUNE_REFUSED
    ]
    if not refused:
        return None
    return Trouble(
        cause=Cause(Event.PRUNE_REFUSED, PRUNING),
        series=(view.series,),
        short=refused[0].reason,
        since=view.whole.now,
        error=ErrorReport(
            code=PruneRefusedError.code,
            what=f"copies of {view.series} are kept although no rule keeps them:"
            f" {_list([skipped.reason for skipped in refused], '; ')}",
            next_step="`orchestrator prune --dry-run` shows each; allow it, or do what it asks for",
        ),
        next_command="orchestrator prune --dry-run",
    )


def _list(items: Sequence[str], separator: str) -> str:
    shown = separator.join(items[:_SHOWN])
    return f"{shown} and {len(items) - _SHOWN} more" if len(items) > _SHOWN else shown
