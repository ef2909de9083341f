"""`catalog check`: the catalog and the destinations compared both ways, nothing changed in either.

A copy that the catalog lists must be there: its manifest with the digest that is remembered, and
every object with its size. A manifest that is there must be listed. A run that is under way may
show up for the moment between writing its manifest and telling the catalog.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from orchestrator.archive.layout import manifest_key
from orchestrator.errors import InterruptedRunError, OrchestratorError
from orchestrator.execution.attach_destination import open_if_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.rebuild.found_backups import FoundBackup, read_series
from orchestrator.execution.rebuild.rebuild_catalog import paths_to_look_at
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.ports.destination import DestinationReader


class DifferenceKind(Enum):
    """How catalog and destination differ over one backup."""

    UNKNOWN = "unknown"
    """It lies there, and the catalog does not list it there."""
    UNREADABLE = "unreadable"
    """A manifest lies there that cannot be read, and the catalog does not list it there."""
    MISSING = "missing"
    """The catalog lists it there, and its manifest is not there."""
    CHANGED = "changed"
    """The manifest there is not the one that the catalog remembers, or cannot be read."""
    INCOMPLETE = "incomplete"
    """An object of it is not there with its size."""
    OUT_OF_REACH = "out_of_reach"
    """The catalog lists copies at a destination that no policy file declares any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference, and what to do about it; ``backup`` is None if it is about the whole place."""

    kind: DifferenceKind
    destination: DestinationName
    backup: BackupId | None
    what: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared: manifests per destination, the differences, what could not be looked at."""

    manifests: Mapping[DestinationName, int]
    differences: tuple[Difference, ...]
    errors: tuple[OrchestratorError, ...]


def compare_catalog(execution: Execution) -> Comparison:
    """Compare the catalog with every destination that it knows or that a policy file declares.

    A destination that cannot be looked at keeps no other from being compared.

    Raises:
        CatalogError: the catalog cannot be read.
        InterruptedRunError: somebody asked us to stop.
    """
    manifests: dict[DestinationName, int] = {}
    differences: list[Difference] = list(_out_of_reach(execution))
    errors: list[OrchestratorError] = []
    for name in sorted(execution.desired.destinations):
        try:
            found = _read_destination(name, execution)
        except InterruptedRunError:
            raise
        except OrchestratorError as error:
            errors.append(error)
            continue
        if found is not None:
            manifests[name] = len(found)
            differences.extend(_differences(name, found, execution))
    return Comparison(manifests=manifests, differences=tuple(differences), errors=tuple(errors))


def _read_destination(name: DestinationName, execution: Execution) -> Sequence[FoundBackup] | None:
    """Return everything that lies there; None for a place that was never used and is empty."""
    attached = open_if_attached(name, execution)
    if attached is None and not execution.destinations.is_there(name):
        return None
    source: DestinationReader = attached or execution.destinations.open(name)
    found = [
        item
        for path in paths_to_look_at(name, source, execution)
        for item in read_series(source, path, execution)
    ]
    return None if attached is None and not found else found


def _differences(
    name: DestinationName, found: Sequence[FoundBackup], execution: Execution
) -> Iterator[Difference]:
    # The catalog is read after the place: what was there by then, a finished run had recorded.
    listed = {
        backup.id: backup
        for backup in execution.reader.backups()
        if any(copy.destination == name for copy in backup.copies)
    }
    there = {item.id for item in found}
    for item in found:
        backup = listed.get(item.id)
        difference = _unlisted(item, name) if backup is None else _changed(item, backup, name)
        if difference is not None:
            yield difference
    for backup in listed.values():
        if backup.id not in there and _counts_as_complete(backup, name):
            yield _difference(
                DifferenceKind.MISSING,
                name,
                backup.id,
                f"{manifest_key(backup.path, backup.id)}: it is missing",
            )


def _unlisted(item: FoundBackup, name: DestinationName) -> Difference:
    if item.backup is None:
        return _difference(DifferenceKind.UNREADABLE, name, item.id, str(item.damage[0]))
    what = f"{item.key}: the catalog does not list it there"
    return _difference(DifferenceKind.UNKNOWN, name, item.id, what)


def _changed(item: FoundBackup, backup: Backup, name: DestinationName) -> Difference | None:
    if not _counts_as_complete(backup, name):
        # The catalog knows already that this copy is not whole.
        return None
    if item.backup is None:
        return _difference(DifferenceKind.CHANGED, name, item.id, str(item.damage[0]))
    if item.digest != backup.manifest_digest:
        what = f"{item.key}: it is not the manifest that the catalog remembers"
        return _difference(DifferenceKind.CHANGED, name, item.id, what)
    if item.damage:
        more = f" (and {len(item.damage) - 1} more)" if len(item.damage) > 1 else ""
        what = f"{item.damage[0]}{more}"
        return _difference(DifferenceKind.INCOMPLETE, name, item.id, what)
    return None


def _counts_as_complete(backup: Backup, name: DestinationName) -> bool:
    return any(
        copy.destination == name and copy.state is CopyState.COMPLETE for copy in backup.copies
    )


def _out_of_reach(execution: Execution) -> Iterator[Difference]:
    copies: dict[DestinationName, int] = {}
    for backup in execution.reader.backups():
        for copy in backup.copies:
            copies[copy.destination] = copies.get(copy.destination, 0) + 1
    for name in sorted(copies.keys() - execution.desired.destinations.keys()):
        yield Difference(
            kind=DifferenceKind.OUT_OF_REACH,
            destination=name,
            backup=None,
            what=f"{copies[name]} copies cannot be looked at: no policy file declares {name!r}",
            next_step="declare the destination again, with its url",
        )


def _difference(
    kind: DifferenceKind, name: DestinationName, backup: BackupId, what: str
) -> Difference:
    return Difference(
        kind=kind,
        destination=name,
        backup=backup,
        what=what,
        next_step=_NEXT_STEPS[kind].format(name=name, backup=backup),
    )


_NEXT_STEPS = {
    DifferenceKind.UNKNOWN: "`orchestrator catalog rebuild --from {name}` reads it in",
    DifferenceKind.UNREADABLE: (
        "leave it where it is: another copy may be whole, or a newer program may read it"
    ),
    DifferenceKind.MISSING: (
        "see who removed it; `orchestrator verify {backup}` records that this copy is damaged"
    ),
    DifferenceKind.CHANGED: (
        "see who changed it; `orchestrator verify {backup}` records that this copy is damaged"
    ),
    DifferenceKind.INCOMPLETE: (
        "`orchestrator verify {backup}` shows all that is wrong and records it"
    ),
}
