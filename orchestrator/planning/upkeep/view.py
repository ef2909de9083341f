"""Everything that the upkeep of one series is decided from, and what the rules make of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic

from typing_extensions import TypeVar

from orchestrator.errors import DestinationFullError
from orchestrator.model.backup import Backup, BackupOutline, CopyState
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.policy import Policy
from orchestrator.model.pruning import CollectionState, Tombstone
from orchestrator.model.run import Run
from orchestrator.planning.guards.answering import unanswered
from orchestrator.planning.pruning.decide import PrunePlan, decide_pruning
from orchestrator.planning.pruning.expired import expired_copies
from orchestrator.planning.pruning.guards import PruneConditions
from orchestrator.planning.pruning.ledger import ExpiredMark, PrunedCopy, PruneLedger
from orchestrator.planning.retention import decide_retention
from orchestrator.planning.retention.copies import RetentionRules, find_copy
from orchestrator.planning.retention.decide import CopyDecision

REFUSAL_LASTS = timedelta(days=1)
"""How long a copy that its destination kept is left alone (fault F56)."""


ViewedBackup_co = TypeVar("ViewedBackup_co", bound=BackupOutline, covariant=True, default=Backup)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesView(Generic[ViewedBackup_co]):
    """What is known of one series that pruning and collection depend on. Times are aware UTC.

    Attributes:
        backups: all that the catalog lists of it; in outline, where nothing is removed yet.
        tombstones: what was pruned of it in the last day, or longer ago.
        latest_failure: the latest attempt if it failed or was interrupted, else None.
        broken_off_at: when an attempt last failed or was interrupted, or None.
        collections: how far the collection is at each destination that it was begun at.
        rebuilt_at: when the catalog was rebuilt, if nobody acknowledged that yet.
        clock_trouble: in words, why the clock cannot be trusted, or None.
        is_intact: whether the newest verified copy was found whole since the latest failure.
    """

    policy: Policy
    series: Series
    backups: Sequence[ViewedBackup_co]
    tombstones: Sequence[Tombstone]
    latest_failure: Run | None
    broken_off_at: datetime | None
    collections: Mapping[DestinationName, CollectionState]
    rebuilt_at: datetime | None
    clock_trouble: str | None
    is_intact: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceDecision:
    """What the rules say of every copy at one destination, and what becomes of the expired ones.

    ``locked`` says until when copies are left alone that the destination refused to let go of;
    ``marks`` are those that the catalog remembers now.
    """

    destination: DestinationName
    kept: Mapping[BackupId, CopyDecision]
    pruning: PrunePlan
    marks: Mapping[BackupId, ExpiredMark]
    locked: Mapping[BackupId, datetime]


def decide_place(
    view: SeriesView[BackupOutline], destination: DestinationName, *, allowed: int
) -> PlaceDecision:
    """Decide about all copies of a series at one destination; those half gone do not count."""
    backups = [
        backup
        for backup in view.backups
        if (copy := find_copy(backup, destination)) is not None
        and copy.state is not CopyState.PRUNING
    ]
    policy = view.policy
    kept = decide_retention(
        backups,
        destination=destination,
        rules=RetentionRules(retention=policy.retention, zone=policy.timezone),
        now=view.now,
    )
    marks = _marks_of(backups, destination)
    locked = _locked_of(backups, destination, view.now)
    ledger = PruneLedger(marks=marks, pruned=list(_pruned_of(view.tombstones, destination)))
    expired = expired_copies([*kept.values()], view.now)
    pruning = decide_pruning(
        replace(
            expired,
            copies=[copy for copy in expired.copies if copy.id not in locked],
            # The measure of a day is taken of what was there when the day began.
            total=expired.total + ledger.count_pruned(view.now),
        ),
        ledger=ledger,
        conditions=conditions_of(view),
        prune_delay=policy.retention.prune_delay,
        allowed=allowed,
        now=view.now,
    )
    return PlaceDecision(
        destination=destination, kept=kept, pruning=pruning, marks=marks, locked=locked
    )


def conditions_of(view: SeriesView[BackupOutline]) -> PruneConditions:
    """Return what the guards of pruning ask about.

    Another server behind the same name makes a backup suspicious when it is taken, and whoever
    lists a destination stops when that fails: neither has to be asked about here.
    """
    failure = view.latest_failure
    suspicious = [backup.id for backup in unanswered(view.backups)]
    return PruneConditions(
        latest_failure=None if failure is None else _say_failure(failure),
        destination_is_full=failure is not None
        and failure.error is not None
        and failure.error.code == DestinationFullError.code,
        newest_verified_is_intact=view.is_intact,
        clock_trouble=view.clock_trouble,
        suspicious=suspicious[-1] if suspicious else None,
        rebuilt_at=view.rebuilt_at,
    )


def _say_failure(failure: Run) -> str:
    return failure.state.value if failure.error is None else str(failure.error)


def _marks_of(
    backups: Sequence[BackupOutline], destination: DestinationName
) -> Mapping[BackupId, ExpiredMark]:
    return {
        backup.id: ExpiredMark(at=copy.expired_at, beyond_normal_ageing=copy.beyond_normal_ageing)
        for backup in backups
        for copy in backup.copies
        if copy.destination == destination and copy.expired_at is not None
    }


def _locked_of(
    backups: Sequence[BackupOutline], destination: DestinationName, now: datetime
) -> Mapping[BackupId, datetime]:
    refused = {
        backup.id: copy.prune_refused_at + REFUSAL_LASTS
        for backup in backups
        for copy in backup.copies
        if copy.destination == destination and copy.prune_refused_at is not None
    }
    return {backup: until for backup, until in refused.items() if until > now}


def _pruned_of(
    tombstones: Sequence[Tombstone], destination: DestinationName
) -> Sequence[PrunedCopy]:
    return [
        PrunedCopy(
            backup=stone.backup,
            snapshot_at=stone.snapshot_at,
            mark=ExpiredMark(at=stone.expired_at, beyond_normal_ageing=stone.beyond_normal_ageing),
            pruned_at=stone.pruned_at,
        )
        for stone in tombstones
        if stone.destination == destination and stone.expired_at is not None
    ]
