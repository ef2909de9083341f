"""What may be removed, by brute force from the words of design §6 and §7 (I4-I8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import DestinationName
from orchestrator.model.verification import Level
from orchestrator.planning.retention import decide_retention
from orchestrator.planning.retention.copies import RetentionRules
from tests.simulation.copies import CopyChecks, require
from tests.simulation.world import Spec, World

HOUR = timedelta(hours=1)
CALENDAR = {"d": "days", "w": "weeks", "mo": "months", "y": "years"}


@dataclass(frozen=True)
class Kept:
    """One copy as the rules see it, and its names of buckets."""

    backup: Backup
    is_eligible: bool
    is_verified: bool


def list_kept(backups: Sequence[Backup], place: str, spec: Spec, now: datetime) -> set[str]:
    """The ids of the backups of one series that must be kept at a place, walked one by one."""
    copies = [
        Kept(
            backup,
            copy.state is CopyState.COMPLETE and not backup.is_suspicious,
            copy.state is CopyState.COMPLETE
            and not backup.is_suspicious
            and copy.level is not None
            and copy.level >= Level.OBJECTS,
        )
        for backup in backups
        for copy in backup.copies
        if copy.destination == place
    ]
    eligible = [copy for copy in copies if copy.is_eligible]
    if not eligible:
        return {copy.backup.id for copy in copies}
    kept = {copy.backup.id for copy in copies if now - copy.backup.snapshot_at < HOUR}
    kept |= {copy.backup.id for copy in copies if copy.backup.is_held(now)}
    proved = [copy.backup for copy in copies if copy.is_verified]
    kept |= {backup.id for backup in proved[-max(1, spec.min_keep) :]}
    # Whatever a clock that went back made of the times: the one that was taken last stays.
    kept |= {backup.id for backup in sorted(proved, key=attrgetter("sequence"))[-1:]}
    zone = ZoneInfo(spec.zone)
    anchor = min(now, eligible[-1].backup.snapshot_at)
    for tier, window in spec.tiers.items():
        limit = back(anchor, window, zone)
        for copy in eligible:
            rivals = [
                one for one in eligible if bucket(tier, one, zone) == bucket(tier, copy, zone)
            ]
            chosen = [one for one in rivals if one.is_verified] or rivals
            if chosen[-1] is copy and copy.backup.snapshot_at > limit:
                kept.add(copy.backup.id)
    return kept


def bucket(tier: str, copy: Kept, zone: ZoneInfo) -> str:
    local = copy.backup.snapshot_at.astimezone(zone)
    form = {
        "hourly": "%Y-%m-%d %H %z",
        "daily": "%Y-%m-%d",
        "weekly": "%G-%V",
        "monthly": "%Y-%m",
        "yearly": "%Y",
    }[tier]
    return local.strftime(form)


def back(at: datetime, window: str, zone: ZoneInfo) -> datetime:
    """A window before a time, on the calendar of the zone."""
    unit = window.lstrip("0123456789")
    amount = int(window.removesuffix(unit))
    if unit == "h":
        return at - timedelta(hours=amount)
    wall = at.astimezone(zone).replace(tzinfo=None)
    wall -= relativedelta(**{CALENDAR[unit]: amount})  # type: ignore[arg-type] - one of four names
    return min(wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))


@dataclass
class KeepingChecks:
    """Compares what retention decides, and watches what is removed."""

    world: World
    copies: CopyChecks

    def check(self) -> None:
        """Retention decides of every copy what the brute force decides (I6)."""
        for spec in self.world.specs.values():
            rules = RetentionRules(retention=spec.policy().retention, zone=ZoneInfo(spec.zone))
            for series in spec.policy().series:
                backups = [
                    backup
                    for backup in self.world.catalog.backups(series)
                    if not any(copy.state.value == "pruning" for copy in backup.copies)
                ]
                for place in spec.places:
                    decided = decide_retention(
                        backups,
                        destination=DestinationName(place),
                        rules=rules,
                        now=self.world.time,
                    )
                    found = {str(name) for name, one in decided.items() if one.is_kept}
                    wanted = list_kept(backups, place, spec, self.world.time)
                    require(
                        found == wanted,
                        "I6",
                        f"{series} at {place}: kept {sorted(found - wanted)} too many,"
                        f" {sorted(wanted - found)} too few",
                    )
