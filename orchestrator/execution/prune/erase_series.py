"""Removing a retired series for good, on purpose (design §4, `erase`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.errors import PruneRefusedError, UsageError
from orchestrator.execution.attach_destination import open_attached, open_if_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.adopt_backups import series_path_of
from orchestrator.execution.lease.hold_lease import HeldLease, hold_lease
from orchestrator.execution.prune.collect_chunks import collect
from orchestrator.execution.prune.collector import Collected
from orchestrator.execution.prune.destination_clock import refuse_if_clocks_differ
from orchestrator.execution.prune.intents import read_intents
from orchestrator.execution.prune.remove_copy import Removal, remove_copy
from orchestrator.execution.prune.retired import retired_among
from orchestrator.model.backup import Backup
from orchestrator.model.names import DestinationName, Series
from orchestrator.model.run import LogAction
from orchestrator.ports.destination import Destination

REASON = "the retired series is erased"


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What was erased: copies, and what was collected at each destination that had anything."""

    copies: int
    collected: dict[DestinationName, Collected]

    @property
    def is_complete(self) -> bool:
        """Whether nobody came in between: else the same command has to be run again."""
        return all(one.stopped_by is None for one in self.collected.values())


def find_erasable(series: Series, execution: Execution) -> tuple[Backup, ...]:
    """Return the backups of a series that may be erased; none, if only what they left is there.

    Raises:
        UsageError: the catalog has never known a backup of it.
        PruneRefusedError: a policy still has it, or a backup of it is held.
    """
    backups = tuple(execution.reader.backups(series))
    if not backups and series not in {one.series for one in execution.reader.series_records()}:
        raise UsageError(
            f"there is no backup of {series}",
            next_step="`orchestrator list` shows the series that have any",
        )
    if not retired_among([series], execution.desired) and not _is_gone(series, execution):
        raise PruneRefusedError(
            f"{series} is not retired: a policy file names it",
            next_step="remove it from the policy files first, and `orchestrator apply` that",
        )
    now = execution.clock.now()
    held = [backup.id for backup in backups if backup.is_held(now)]
    if held:
        raise PruneRefusedError(
            f"{series} has backups that are held: {', '.join(held)}",
            next_step=f"`orchestrator release {held[0]}` takes a hold back",
        )
    return backups


def _is_gone(series: Series, execution: Execution) -> bool:
    """Whether a policy has the series only because a pattern once stood for its database."""
    policy = execution.desired.policies.get(series.policy)
    return policy is not None and series.database in policy.source.found.gone


def erase_series(series: Series, execution: Execution) -> Erasure:
    """Remove every copy of a retired series, the oldest first, and then what nothing names any more.

    Whatever ends it, each copy that it removed has a tombstone, and the same command goes on from
    there: also when no copy is left, but chunks that were theirs.

    Raises:
        UsageError, PruneRefusedError: as `find_erasable`.
        SeriesLockedError: another run is at work on the series.
        ObjectKeptError: a destination does not let go of an object.
        UnreadableManifestError: something remains that cannot be read; what it may name stays.
        DestinationError: a destination cannot be reached, or is not ours; one that the catalog never
            used, or that neither a policy file names nor the catalog lists a copy at, is left alone.
    """
    with hold_lease(series, execution.new_run_id(), execution) as held:
        backups = find_erasable(series, execution)
        path = backups[0].path if backups else series_path_of(series, execution)
        places = _places_of(backups, path, execution)
        for place in places.values():
            # Who works there until when is known only by clocks that agree.
            refuse_if_clocks_differ(place, path, held=held, execution=execution)
            _refuse_if_somebody_works(place, path, execution)
        copies = _remove_copies(backups, places, held, execution)
        collected = {
            name: collect(series, place, timedelta(0), held=held, execution=execution).collected
            for name, place in places.items()
        }
    return Erasure(copies=copies, collected=collected)


def _places_of(
    backups: Sequence[Backup], path: str, execution: Execution
) -> dict[DestinationName, Destination]:
    """Return where copies are listed, and where else something of the series lies.

    Which places an erasure that was broken off had emptied of copies alone, nobody remembers.
    """
    listed = dict.fromkeys(copy.destination for one in backups for copy in one.copies)
    places = {name: open_attached(name, execution) for name in listed}
    for name in sorted(execution.desired.destinations.keys() - listed.keys()):
        place = open_if_attached(name, execution)
        if place is not None and any(place.list(f"{path}/")):
            places[name] = place
    return places


def _refuse_if_somebody_works(place: Destination, path: str, execution: Execution) -> None:
    now = execution.clock.now()
    for intent in read_intents(place, path):
        if intent.is_alive(now):
            raise PruneRefusedError(
                f"nothing is erased at {place.name}: {intent.sentence}",
                next_step="wait for it to end, then run the same command again",
            )


def _remove_copies(
    backups: tuple[Backup, ...],
    places: dict[DestinationName, Destination],
    held: HeldLease,
    execution: Execution,
) -> int:
    removals = [
        Removal(
            backup=backup,
            copy=copy,
            destination=places[copy.destination],
            reason=REASON,
            about=LogAction.ERASE,
            check=held.check,
        )
        for backup in backups
        for copy in backup.copies
    ]
    for removal in removals:
        remove_copy(removal, execution)
    return len(removals)
