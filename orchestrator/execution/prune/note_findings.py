"""What a collection finds wrong with manifests, recorded where others look for it.

A collection only stops or goes on; whoever plans, shows or alerts reads the catalog.
"""

from collections.abc import Collection

from orchestrator.archive.layout import parse_manifest_key
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.strangers import Stranger, note_strangers
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.names import BackupId, DestinationName, ObjectKey, Series
from orchestrator.model.verification import Level
from orchestrator.planning.retention.copies import find_copy


def note_unlisted(
    series: Series, destination: DestinationName, there: Collection[BackupId], execution: Execution
) -> None:
    """Note the backups that have a manifest at a destination and are not listed there.

    The lease of the series is ours, so that nobody is about to list them.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    listed = {
        backup.id
        for backup in execution.reader.backups(series)
        if find_copy(backup, destination) is not None
    }
    strangers = [
        Stranger(backup, destination, "the catalog does not list it there")
        for backup in sorted(set(there) - listed)
    ]
    note_strangers(series, strangers, execution)


def note_unreadable(
    series: Series,
    destination: DestinationName,
    manifests: Collection[ObjectKey],
    execution: Execution,
) -> None:
    """Record the damage of copies whose manifest cannot be read, or note that nobody lists them.

    Raises:
        DestinationError: a copy cannot be looked at; nothing is recorded of it.
        CatalogError: the catalog cannot be read or written.
    """
    strangers: list[Stranger] = []
    for backup_id in (parsed[1] for key in manifests if (parsed := parse_manifest_key(key))):
        backup = execution.reader.backup(backup_id)
        if backup is not None and find_copy(backup, destination) is not None:
            verify_copy(backup, destination, Level.STORED, execution)
        else:
            strangers.append(Stranger(backup_id, destination, "its manifest cannot be read"))
    note_strangers(series, strangers, execution)
