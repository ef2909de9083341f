"""Which rules keep a backup: tiers as labels, and the reasons that always keep (design §7)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.policy import Retention, Tier
from orchestrator.model.verification import Level
from orchestrator.planning.window import subtract_window

VERIFIED = Level.OBJECTS
YOUNG = timedelta(hours=1)

NEWEST, MIN_KEEP, YOUNG_LABEL, NOTHING_ELIGIBLE = "newest", "min_keep", "young", "nothing_eligible"
"""Labels beside the tiers: the newest verified backup, one of the newest ``min_keep`` verified
ones, younger than one hour, and the whole series where no backup of it is eligible."""

Bucket = tuple[int | timedelta | None, ...]

BUCKETS: Mapping[Tier, Callable[[datetime], Bucket]] = {
    Tier.HOURLY: lambda local: (*local.timetuple()[:4], local.utcoffset()),
    Tier.DAILY: lambda local: (local.year, local.month, local.day),
    Tier.WEEKLY: lambda local: local.isocalendar()[:2],
    Tier.MONTHLY: lambda local: (local.year, local.month),
    Tier.YEARLY: lambda local: (local.year,),
}
"""Which calendar bucket a local time falls into; the hour with its UTC offset, the week as ISO."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """An eligible backup: complete and undamaged at the destination."""

    id: BackupId
    at: datetime
    verified: bool


def label_backups(
    backups: Sequence[Backup],
    *,
    destination: DestinationName,
    retention: Retention,
    zone: ZoneInfo,
    now: datetime,
) -> Mapping[BackupId, tuple[str, ...]]:
    """Return the labels of every backup that has a copy at a destination, each series on its own.

    Labels are the words of the tiers, from fine to coarse, then those of the reasons that always
    keep. A backup without any label would be prunable. ``now`` is aware UTC.
    """
    labels: dict[BackupId, tuple[str, ...]] = {}
    ordered = sorted(backups, key=lambda backup: (backup.series, backup.snapshot_at, backup.id))
    for _, group in groupby(ordered, key=attrgetter("series")):
        copies = [(backup, copy) for backup in group if (copy := _copy_at(backup, destination))]
        labels |= _label_series(copies, retention=retention, zone=zone, now=now)
    return labels


def _copy_at(backup: Backup, destination: DestinationName) -> Copy | None:
    return next((copy for copy in backup.copies if copy.destination == destination), None)


def _label_series(
    copies: Sequence[tuple[Backup, Copy]], *, retention: Retention, zone: ZoneInfo, now: datetime
) -> Mapping[BackupId, tuple[str, ...]]:
    """Label the copies of one series at one destination, given from old to new."""
    eligible = [
        _Candidate(backup.id, backup.snapshot_at, copy.level is not None and copy.level >= VERIFIED)
        for backup, copy in copies
        if copy.state is CopyState.COMPLETE
    ]
    verified = [candidate.id for candidate in eligible if candidate.verified]
    reasons: list[tuple[str, Iterable[BackupId]]] = [
        *_keep_by_tiers(eligible, retention=retention, zone=zone, now=now),
        (NEWEST, verified[-1:]),
        (MIN_KEEP, verified[-retention.min_keep :]),
        (YOUNG_LABEL, [backup.id for backup, _ in copies if now - backup.snapshot_at < YOUNG]),
        (NOTHING_ELIGIBLE, [] if eligible else [backup.id for backup, _ in copies]),
    ]
    kept = [(label, frozenset(ids)) for label, ids in reasons]
    return {
        backup.id: tuple(label for label, ids in kept if backup.id in ids) for backup, _ in copies
    }


def _keep_by_tiers(
    eligible: Sequence[_Candidate], *, retention: Retention, zone: ZoneInfo, now: datetime
) -> Iterable[tuple[str, Iterable[BackupId]]]:
    """Yield each declared tier with those that it keeps: nothing ages while backups fail."""
    if not eligible:
        return
    anchor = min(now, eligible[-1].at)
    for tier in Tier:
        if tier in retention.tiers:
            limit = subtract_window(retention.tiers[tier], zone, anchor)
            chosen = _represent_buckets(eligible, tier, zone)
            yield tier.value, [candidate.id for candidate in chosen if candidate.at > limit]


def _represent_buckets(
    eligible: Iterable[_Candidate], tier: Tier, zone: ZoneInfo
) -> Iterable[_Candidate]:
    """Choose the newest of each bucket; an unverified one does not displace a verified one."""
    chosen: dict[Bucket, _Candidate] = {}
    for candidate in eligible:
        bucket = BUCKETS[tier](candidate.at.astimezone(zone))
        holder = chosen.get(bucket)
        if holder is None or candidate.verified or not holder.verified:
            chosen[bucket] = candidate
    return chosen.values()
