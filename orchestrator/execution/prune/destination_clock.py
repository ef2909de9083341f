"""Whether a destination's clock agrees with ours, as far as it can be seen there (fault F69)."""

from collections.abc import Sequence
from datetime import UTC, datetime

from orchestrator.archive.layout import manifest_key
from orchestrator.model.backup import Backup
from orchestrator.planning.pruning.guards import find_clock_trouble
from orchestrator.ports.destination import Destination

NO_CLOCK = datetime(1970, 1, 2, tzinfo=UTC)
"""What is older was stored by a place that does not know when."""


def find_destination_trouble(
    backups: Sequence[Backup], destination: Destination, now: datetime
) -> str | None:
    """Return in words how the destination's clock contradicts ours, or None.

    It is seen at the newest manifest, which was written after its backup ended by our clock, and
    before now.

    Raises:
        DestinationError: the destination cannot be reached.
    """
    here = [
        backup
        for backup in backups
        if any(copy.destination == destination.name for copy in backup.copies)
    ]
    if not here:
        return None
    newest = max(here, key=lambda backup: backup.sequence)
    info = destination.stat(manifest_key(newest.path, newest.id))
    if info is None or info.modified_at < NO_CLOCK:
        return None
    clocks: dict[str, datetime] = {}
    if info.modified_at > now:
        clocks["the destination"] = info.modified_at
    elif info.modified_at < newest.finished_at:
        clocks["the destination"] = now - (newest.finished_at - info.modified_at)
    trouble = find_clock_trouble(now, others=clocks, last_pass=None)
    return None if trouble is None else f"the clock cannot be trusted: {trouble}"
