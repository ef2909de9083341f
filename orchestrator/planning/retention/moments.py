"""Backups as the rules see them: each series at one destination, at one moment."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter

from orchestrator.model.backup import BackupOutline, CopyState
from orchestrator.model.names import DestinationName, Series
from orchestrator.planning.retention.copies import (
    RatedCopy,
    RetentionRules,
    Standing,
    find_copy,
    rate_copy,
)
from orchestrator.planning.retention.rules import Moment, look_at
from orchestrator.planning.retention.shelf import ORDER, Shelf


def moments_of(
    backups: Sequence[BackupOutline],
    *,
    destination: DestinationName,
    rules: RetentionRules,
    now: datetime,
) -> Iterator[tuple[Sequence[RatedCopy], Moment]]:
    """Yield the copies of each series at a destination, from old to new, and their moment.

    A copy whose removal has begun is no copy any more.
    """
    grouped: dict[Series, list[BackupOutline]] = {}
    for series, group in groupby(backups, key=attrgetter("series")):
        grouped.setdefault(series, []).extend(group)
    for listed in grouped.values():
        copies = sorted(_rate(listed, destination, rules), key=ORDER)
        eligible = [copy for copy in copies if copy.standing is Standing.ELIGIBLE]
        if not eligible:
            copies = [
                copy.as_eligible() if copy.standing is Standing.SAFETY else copy for copy in copies
            ]
            eligible = [copy for copy in copies if copy.standing is Standing.ELIGIBLE]
        proved = (copy for copy in eligible if copy.verified)
        last = max(proved, key=attrgetter("turn"), default=None)
        yield copies, look_at(Shelf(rules, eligible), now, last)


def _rate(
    backups: Iterable[BackupOutline], destination: DestinationName, rules: RetentionRules
) -> Iterator[RatedCopy]:
    for backup in backups:
        copy = find_copy(backup, destination)
        if copy is not None and copy.state is not CopyState.PRUNING:
            yield rate_copy(backup, copy, rules)
