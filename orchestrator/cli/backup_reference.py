"""How people name a backup: an id or its beginning, ``latest``, or a time."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from orchestrator.cli.times import parse_time
from orchestrator.errors import BackupNotFoundError
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.policy import DesiredState
from orchestrator.ports.catalog import CatalogReader

_LATEST = "latest"
_IS_TIME = "-"
_DATE_LENGTH = len("2026-11-22")
_BY_POSITION, _BY_TIME = attrgetter("position"), attrgetter("snapshot_at")


def find_backup(
    reader: CatalogReader,
    reference: str,
    *,
    policy: str | None,
    database: str | None,
    desired: DesiredState | None,
) -> Backup:
    """Return the one backup that a reference names, among those of a policy and database if given.

    ``latest`` is the one taken last that is not known to be damaged, whatever the clocks said; a
    time names the last such backup before it, read in the policy's zone unless it has an offset;
    anything else is an id or the unique beginning of one.
    Both pass over safety copies, which hold what a restore replaced, unless there is nothing else.

    Raises:
        BackupNotFoundError: none fits, or backups of several series or ids do.
    """
    candidates = [
        backup
        for backup in reader.backups()
        if policy in (None, backup.series.policy) and database in (None, backup.series.database)
    ]
    if reference == _LATEST:
        return _newest(candidates, "backup", order=_BY_POSITION)
    if _is_time(reference):
        earlier = list(_until(candidates, reference, desired))
        return _newest(earlier, f"backup from before {reference}", order=_BY_TIME)
    return _by_id(candidates, reference)


def last_of_each_series(backups: Sequence[Backup]) -> list[Backup]:
    """Return, of each series, the backup that was taken last, whatever the clocks said."""
    in_order = sorted(backups, key=_BY_POSITION)
    return list({backup.series: backup for backup in in_order}.values())


def find_passed_over(
    reader: CatalogReader, reference: str, chosen: Backup, *, desired: DesiredState | None
) -> Sequence[Backup]:
    """Return what `find_backup` passed over to choose this backup, newest first.

    That are newer safety copies, and newer backups of which no copy is known to be whole.
    """
    if chosen.is_safety_copy or not (reference == _LATEST or _is_time(reference)):
        return ()
    order = _BY_POSITION if reference == _LATEST else _BY_TIME
    newer = [
        backup
        for backup in reader.backups(chosen.series)
        if (backup.is_safety_copy or not is_intact(backup)) and order(backup) > order(chosen)
    ]
    passed = newer if reference == _LATEST else _until(newer, reference, desired)
    return sorted(passed, key=order, reverse=True)


def say_if_ahead(
    reference: str, backup: Backup, *, desired: DesiredState | None, now: datetime
) -> str | None:
    """Return what is to be said if a reference is a time that has not come, or None."""
    if not _is_time(reference) or parse_time(reference, _zone_of([backup], desired)) <= now:
        return None
    return (
        f"{reference} has not come yet: this is the newest backup there is, of"
        f" {backup.snapshot_at:%Y-%m-%d %H:%M} UTC"
    )


def _until(
    backups: Sequence[Backup], reference: str, desired: DesiredState | None
) -> Iterator[Backup]:
    at = parse_time(reference, _zone_of(backups, desired))
    return (backup for backup in backups if backup.snapshot_at <= at)


def _is_time(reference: str) -> bool:
    return reference[4:5] == _IS_TIME and len(reference) >= _DATE_LENGTH


def _newest(backups: Sequence[Backup], wanted: str, *, order: Callable[[Backup], Any]) -> Backup:
    if not backups:
        raise BackupNotFoundError(
            f"there is no {wanted}",
            next_step="`orchestrator list` shows what there is",
        )
    series = sorted({str(backup.series) for backup in backups})
    if len(series) > 1:
        raise BackupNotFoundError(
            f"the {wanted} could be of any of {', '.join(series)}",
            next_step="add --policy and, if need be, --database",
        )
    # What a restore replaced is what somebody did not want, and a copy that is known to be damaged
    # is nobody's choice, either; with nothing else, it is what there is.
    wanted_ones = [backup for backup in backups if not backup.is_safety_copy] or backups
    intact = [backup for backup in wanted_ones if is_intact(backup)]
    return max(intact or wanted_ones, key=order)


def is_intact(backup: Backup) -> bool:
    """Whether a copy of it is not known to be damaged."""
    return any(copy.state is CopyState.COMPLETE for copy in backup.copies)


def _by_id(backups: Sequence[Backup], reference: str) -> Backup:
    found = [backup for backup in backups if backup.id.startswith(reference)]
    if len(found) != 1:
        what = "no backup has" if not found else f"{len(found)} backups have"
        raise BackupNotFoundError(
            f"{what} an id that begins with {reference!r}",
            next_step="`orchestrator list` shows the ids",
        )
    return found[0]


def _zone_of(backups: Sequence[Backup], desired: DesiredState | None) -> ZoneInfo:
    policies = {backup.series.policy for backup in backups}
    if desired is not None and len(policies) == 1:
        policy = desired.policies.get(policies.pop())
        if policy is not None:
            return policy.timezone
    return ZoneInfo(str(UTC))
