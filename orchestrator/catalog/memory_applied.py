"""What was applied, in the in-memory catalog: `orchestrator.ports.applied`."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from orchestrator.catalog.refusals import both_have_backups, rename_locked
from orchestrator.model.backup import Backup
from orchestrator.model.lease import Lease
from orchestrator.model.names import (
    BackupId,
    DestinationName,
    ObjectKey,
    PolicyName,
    RunId,
    ScheduleName,
    Series,
)
from orchestrator.model.policy import Revision
from orchestrator.model.pruning import Tombstone
from orchestrator.model.run import LogEntry, Run
from orchestrator.model.timeline import Pause
from orchestrator.ports.applied import Amount, AppliedPolicy
from orchestrator.ports.catalog import AppliedSchedule, SeriesRecord

_Place = tuple[Series, DestinationName]
_Value = TypeVar("_Value")


class MemoryApplied(ABC):
    """The part of the in-memory catalog that knows what was applied, and under which name."""

    _backups: dict[BackupId, Backup]
    _runs: dict[RunId, Run]
    _series: dict[Series, SeriesRecord]
    _leases: dict[Series, tuple[Lease, bool]]
    _rebuilt: dict[Series, datetime]
    _pauses: dict[PolicyName, Pause]
    _missed_until: dict[tuple[Series, ScheduleName], datetime]
    _tombstones: list[Tombstone]
    _unreferenced: dict[_Place, dict[ObjectKey, datetime]]
    _looked_at: dict[_Place, datetime]

    def __init__(self) -> None:
        """Start with nothing applied."""
        super().__init__()
        self._revision: Revision | None = None
        self._schedules: tuple[AppliedSchedule, ...] = ()
        self._policies: dict[PolicyName, AppliedPolicy] = {}

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    @abstractmethod
    def _append(self, entry: LogEntry) -> None: ...

    def applied(self) -> tuple[Revision | None, Sequence[AppliedSchedule]]:
        """Return the revision in force and its schedules."""
        with self._transaction():
            return self._revision, list(self._schedules)

    def applied_policies(self) -> Sequence[AppliedPolicy]:
        """Return every policy that was ever applied, by name."""
        with self._transaction():
            return sorted(self._policies.values(), key=lambda policy: policy.name)

    def amount(self, series: Series) -> Amount:
        """Return how many backups a series has, and their bytes."""
        with self._transaction():
            sizes = [b.stored_bytes for b in self._backups.values() if b.series == series]
        return Amount(backups=len(sizes), stored_bytes=sum(sizes))

    def record_applied(
        self,
        revision: Revision,
        schedules: Sequence[AppliedSchedule],
        entry: LogEntry,
        *,
        policies: Sequence[AppliedPolicy] = (),
    ) -> None:
        """Replace what is applied; the entry is written only if the digest is another."""
        with self._transaction():
            if self._revision is None or self._revision.digest != revision.digest:
                self._append(entry)
            self._revision, self._schedules = revision, tuple(schedules)
            known = {name: replace(one, in_force=False) for name, one in self._policies.items()}
            self._policies = {**known, **{policy.name: policy for policy in policies}}

    def record_renamed(
        self,
        old: PolicyName,
        new: PolicyName,
        *,
        abandoned: Collection[int],
        entry: LogEntry,
    ) -> bool:
        """Give everything that is known of a policy a new name."""
        with self._transaction():
            for lease, is_held in self._leases.values():
                is_theirs = lease.series.policy in (old, new)
                if is_theirs and is_held and lease.fence not in abandoned:
                    raise rename_locked(lease)
            stored = {backup.series.policy for backup in self._backups.values()}
            if {old, new} <= stored:
                raise both_have_backups(old, new)
            if new in stored or not self._knows(old):
                return False
            self._append(entry)
            self._rename(old, new)
            return True

    def _knows(self, policy: PolicyName) -> bool:
        """Whether a policy is named anywhere but in the log."""
        places = (*self._unreferenced, *self._looked_at, *self._missed_until)
        series = (
            *(*self._series, *self._leases, *self._rebuilt, *(place[0] for place in places)),
            *(backup.series for backup in self._backups.values()),
            *(run.series for run in self._runs.values()),
            *(stone.series for stone in self._tombstones),
        )
        schedules = (schedule.policy for schedule in self._schedules)
        names = {*(one.policy for one in series), *schedules, *self._policies, *self._pauses}
        return policy in names

    def _rename(self, old: PolicyName, new: PolicyName) -> None:
        def named(series: Series) -> Series:
            return replace(series, policy=new) if series.policy == old else series

        for one, record in _move(self._series, old, new).items():
            self._series[one] = replace(record, series=one)
        for one, (lease, is_held) in _move(self._leases, old, new).items():
            self._leases[one] = (replace(lease, series=one), is_held)
        _move(self._rebuilt, old, new)
        _move_places(self._unreferenced, old, new)
        _move_places(self._looked_at, old, new)
        _move_places(self._missed_until, old, new)
        for backup in list(self._backups.values()):
            self._backups[backup.id] = replace(backup, series=named(backup.series))
        for run in list(self._runs.values()):
            self._runs[run.id] = replace(run, series=named(run.series))
        self._tombstones = [
            replace(stone, series=named(stone.series)) for stone in self._tombstones
        ]
        self._rename_policy(old, new)

    def _rename_policy(self, old: PolicyName, new: PolicyName) -> None:
        if any(schedule.policy == old for schedule in self._schedules):
            self._schedules = tuple(
                replace(schedule, policy=new) if schedule.policy == old else schedule
                for schedule in self._schedules
                if schedule.policy != new
            )
        applied, pause = self._policies.pop(old, None), self._pauses.pop(old, None)
        if applied is not None:
            self._policies[new] = replace(applied, name=new)
        if pause is not None:
            self._pauses.setdefault(new, replace(pause, policy=new))


def _move(
    known: MutableMapping[Series, _Value], old: PolicyName, new: PolicyName
) -> Mapping[Series, _Value]:
    """Rename the keys of one policy, whose values replace those of the new name; return them."""
    moving = {series: value for series, value in known.items() if series.policy == old}
    if moving:
        for series in [series for series in known if series.policy in (old, new)]:
            del known[series]
    moved = {replace(series, policy=new): value for series, value in moving.items()}
    known.update(moved)
    return moved


_Key = TypeVar("_Key", DestinationName, ScheduleName)


def _move_places(
    known: MutableMapping[tuple[Series, _Key], _Value], old: PolicyName, new: PolicyName
) -> None:
    moving = {key: value for key, value in known.items() if key[0].policy == old}
    if moving:
        for key in [key for key in known if key[0].policy in (old, new)]:
            del known[key]
    known.update({(replace(key[0], policy=new), key[1]): v for key, v in moving.items()})
