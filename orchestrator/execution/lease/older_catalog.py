"""Whether somebody went on with a series where this catalog stopped (design §6; fault F74).

A catalog that was put back as it was earlier, or that shares a place with another one, does not
know the newest backups there. It must not remove anything then. A backup is taken all the same, for
a missing one is the greater harm: it is numbered behind all that lie there, follows the newest of
them, and says that the catalog is older.
"""

from operator import itemgetter

from orchestrator.errors import OlderCatalogError
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.adopt_backups import FoundManifest, unlisted_manifests
from orchestrator.model.manifest import Manifest
from orchestrator.model.names import Series
from orchestrator.ports.destination import DestinationReader

LARGEST_NUMBER = 2**63 - 1
"""What a catalog can hold; a manifest with more was not written by this program."""


def find_newer(
    series: Series, destination: DestinationReader, execution: Execution
) -> FoundManifest | None:
    """Return the newest backup of a series at a destination that only another catalog knows, or None.

    Whatever its number: this catalog may have taken backups of its own since. What a run of this
    catalog wrote is its own: it was adopted when its lease was taken over, or it is a stranger for
    good. What cannot be read says nothing.

    Raises:
        DestinationError: the destination cannot be read.
    """
    found = [
        (one, one.manifest)
        for one in unlisted_manifests(series, destination, execution)
        if one.manifest is not None and not has_numbers_beyond_any_catalog(one.manifest)
    ]
    if not found:
        return None
    own = {run.id for run in execution.reader.runs(series)}
    known = {backup.id for backup in execution.reader.backups(series)}
    unknown = [
        (manifest.sequence, manifest.fence, one.backup, one)
        for one, manifest in found
        if manifest.run not in own and one.backup not in known
    ]
    return max(unknown, key=itemgetter(0, 1, 2))[-1] if unknown else None


def refuse_older_catalog(
    series: Series, destination: DestinationReader, execution: Execution
) -> None:
    """Do nothing unless a destination holds a backup of a series that only another catalog knows.

    Raises:
        OlderCatalogError: it holds one; nothing of the series may be removed there.
        DestinationError: the destination cannot be read.
    """
    newer = find_newer(series, destination, execution)
    if newer is not None:
        raise OlderCatalogError(
            say_newer(newer, series, execution),
            next_step=f"{_remedy(newer)}, and then it goes on",
        )


def warn_of_newer(newer: FoundManifest, series: Series, execution: Execution) -> str:
    """Return in words that a backup was taken beside newer ones, and what to do."""
    return (
        f"{say_newer(newer, series, execution)}; {_remedy(newer)}, and nothing is pruned until then"
    )


def say_newer(newer: FoundManifest, series: Series, execution: Execution) -> str:
    """Return in words what lies at a destination that this catalog does not know."""
    return (
        f"this catalog is older than what lies at {newer.destination.name!r}: it knows the backups"
        f" of {series} up to number {_known_until(series, execution)}, and {newer.backup} there, which"
        f" is number {sequence_of(newer)}, is not among them"
    )


def sequence_of(found: FoundManifest) -> int:
    """Return the number of a backup at a destination, 0 if its manifest cannot be read."""
    return 0 if found.manifest is None else found.manifest.sequence


def _remedy(newer: FoundManifest) -> str:
    return (
        "if an older copy of the catalog was put back, or another catalog writes there,"
        f" `orchestrator catalog rebuild --from {newer.destination.name}` reads in what is missing"
    )


def _known_until(series: Series, execution: Execution) -> int:
    return max((one.sequence for one in execution.reader.backups(series)), default=0)


def has_numbers_beyond_any_catalog(manifest: Manifest) -> bool:
    """Whether no catalog can hold what a manifest says."""
    numbers = (manifest.sequence, manifest.fence, *manifest.totals.values())
    return max(numbers) > LARGEST_NUMBER
