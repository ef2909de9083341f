"""The rules themselves: which of them keep a copy at one moment (design §7, "Tiers.")."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestrator.model.names import BackupId
from orchestrator.model.policy import Tier
from orchestrator.planning.retention.copies import RatedCopy, Standing
from orchestrator.planning.retention.shelf import Shelf
from orchestrator.planning.window import subtract_window

YOUNG = timedelta(hours=1)

NEWEST, MIN_KEEP, HELD = "newest", "min_keep", "held"
YOUNG_LABEL, NOTHING_ELIGIBLE = "young", "nothing_eligible"
"""Labels beside the tiers: the newest verified copy, one of the newest ``min_keep`` verified ones,
held, younger than one hour, and all copies where none is eligible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A shelf at one time. A tier keeps what is newer than its limit, if it is declared.

    ``limits`` stand from fine to coarse, and there is none if nothing is eligible. ``taken_last`` is
    the verified copy whose backup has the highest sequence number, or None if there is none: where a
    clock went back, it is not the one with the latest time.
    """

    shelf: Shelf
    now: datetime
    limits: Mapping[Tier, datetime]
    taken_last: RatedCopy | None = None


def look_at(shelf: Shelf, now: datetime, taken_last: RatedCopy | None = None) -> Moment:
    """Return a shelf as it is at an aware UTC time: nothing ages while backups fail."""
    newest, rules = shelf.newest, shelf.rules
    limits: Mapping[Tier, datetime] = {}
    if newest is not None:
        anchor = min(now, newest.at)
        limits = {
            tier: subtract_window(rules.retention.tiers[tier], rules.zone, anchor)
            for tier in Tier
            if tier in rules.retention.tiers
        }
    return Moment(shelf=shelf, now=now, limits=limits, taken_last=taken_last)


def find_represented(moment: Moment) -> frozenset[BackupId]:
    """Return the copies that any tier keeps: those that represent a bucket newer than its limit."""
    return frozenset(
        copy.id
        for tier, limit in moment.limits.items()
        for copy in moment.shelf.representatives(tier)
        if copy.at > limit
    )


def keeps_always(copy: RatedCopy, moment: Moment) -> bool:
    """Whether anything keeps a copy whatever the tiers say."""
    return any(keeps(copy, moment) for keeps in ALWAYS.values())


def labels_of(copy: RatedCopy, moment: Moment) -> tuple[str, ...]:
    """Return the labels of every rule that keeps a copy: tiers from fine to coarse, then the rest.

    An eligible copy must be on the shelf. Without any label, no rule keeps it.
    """
    return (
        *(tier.value for tier in tiers_of(copy, moment)),
        *(label for label, keeps in ALWAYS.items() if keeps(copy, moment)),
    )


def labels_if_whole(copy: RatedCopy, moment: Moment) -> tuple[str, ...]:
    """Return the labels that a damaged copy would have if its verification had passed."""
    whole, shelf, last = copy.as_whole(), moment.shelf, moment.taken_last
    newest = shelf.newest
    if newest is not None and newest.is_safety_copy != whole.is_safety_copy:
        if whole.is_safety_copy:
            return labels_of(whole._replace(standing=Standing.SAFETY), moment)
        # The safety copies counted only because nothing else did.
        shelf, last = Shelf(shelf.rules), None
    shelf.put(whole)
    last = whole if last is None or last.turn < whole.turn else last
    try:
        return labels_of(whole, look_at(shelf, moment.now, last))
    finally:
        shelf.take(whole)


def tiers_of(copy: RatedCopy, moment: Moment) -> Iterator[Tier]:
    """Yield the tiers that keep a copy, from fine to coarse."""
    if copy.standing is not Standing.ELIGIBLE:
        return
    for tier, limit in moment.limits.items():
        if copy.at > limit:
            chosen = moment.shelf.representative(tier, copy)
            if chosen is not None and chosen.id == copy.id:
                yield tier


def _is_among_newest_verified(copy: RatedCopy, moment: Moment, number: int) -> bool:
    is_proved = copy.verified and copy.standing is Standing.ELIGIBLE
    return is_proved and moment.shelf.count_newer_verified(copy) < number


def _is_newest_verified(copy: RatedCopy, moment: Moment) -> bool:
    # A clock that went back does not make the last backup an old one (faults.md I5).
    last = moment.taken_last
    return (last is not None and last.id == copy.id) or _is_among_newest_verified(copy, moment, 1)


def _is_in_min_keep(copy: RatedCopy, moment: Moment) -> bool:
    return _is_among_newest_verified(copy, moment, max(1, moment.shelf.rules.retention.min_keep))


def _is_held(copy: RatedCopy, moment: Moment) -> bool:
    return any(hold.is_in_force(moment.now) for hold in copy.holds)


def _is_young(copy: RatedCopy, moment: Moment) -> bool:
    return moment.now - copy.at < YOUNG


def _is_without_any_eligible(_: RatedCopy, moment: Moment) -> bool:
    return moment.shelf.newest is None


ALWAYS: Mapping[str, Callable[[RatedCopy, Moment], bool]] = {
    NEWEST: _is_newest_verified,
    MIN_KEEP: _is_in_min_keep,
    HELD: _is_held,
    YOUNG_LABEL: _is_young,
    NOTHING_ELIGIBLE: _is_without_any_eligible,
}
"""What keeps a copy whatever the tiers say, by label."""
