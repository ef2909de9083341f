"""Backups as the rules see them: each series at one destination, at one moment."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.planning.retention.copies import (
    RatedCopy,
    RetentionRules,
    Standing,
    find_copy,
    rate_copy,
)
from orchestrator.planning.retention.rules import Moment, look_at
from orchestrator.planning.retention.shelf import Shelf


def moments_of(
    backups: Sequence[Backup],
    *,
    destination: DestinationName,
    rules: RetentionRules,
    in_use: Mapping[BackupId, str],
    now: datetime,
) -> Iterator[tuple[Sequence[RatedCopy], Moment]]:
    """Yield the copies of each series at a destination, from old to new, and their moment.

    A copy whose removal has begun is no copy any more.
    """
    ordered = sorted(backups, key=attrgetter("series", "snapshot_at", "id"))
    for _, group in groupby(ordered, key=attrgetter("series")):
        shelf, copies = Shelf(rules), list[RatedCopy]()
        for backup in group:
            stored = find_copy(backup, destination)
            if stored is not None and stored.state is not CopyState.PRUNING:
                copy = rate_copy(backup, stored, rules)
                copies.append(copy)
                if copy.standing is Standing.ELIGIBLE:
                    shelf.put(copy)
        yield copies, look_at(shelf, now, in_use)
