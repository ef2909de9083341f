"""Why no rule keeps a copy: for each that could, what took its place, and since when."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import accumulate

from orchestrator.model.policy import Tier
from orchestrator.planning.retention.copies import RatedCopy
from orchestrator.planning.retention.rules import YOUNG, Moment
from orchestrator.planning.window import subtract_window

LimitHistory = Callable[[Tier], Sequence[datetime]]
"""For each eligible copy in order: what no copy after it ever kept again by this tier."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lapse:
    """Why a declared tier does not keep an eligible copy, and since when (aware UTC).

    ``represented_by`` stands for the bucket instead; if it is None, the copy itself does, but the
    window (``limit``) has passed it.
    """

    tier: Tier
    since: datetime
    represented_by: RatedCopy | None
    limit: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """Why no rule keeps a copy.

    ``since`` follows from the copies that are still there: the true time may be earlier. It is
    None, and there are no lapses, for a copy that is not eligible: no tier ever asks about it.
    ``kept_if_whole`` are the labels that a damaged copy would have, had its verification passed.
    """

    since: datetime | None
    lapses: tuple[Lapse, ...] = ()
    kept_if_whole: tuple[str, ...] = ()


def find_expiry(copy: RatedCopy, moment: Moment, history: LimitHistory) -> Expiry:
    """Return why no rule keeps an eligible copy; ``history`` is `limit_history` of the moment."""
    lapses = tuple(_find_lapses(copy, moment, history))
    ends = [
        copy.at + YOUNG,
        *(lapse.since for lapse in lapses),
        *(hold.until for hold in copy.holds if hold.until is not None),
    ]
    overtaken = moment.shelf.nth_newer_verified(copy, moment.shelf.rules.retention.min_keep)
    if copy.verified and overtaken is not None:
        ends.append(overtaken)
    return Expiry(since=min(max(ends), moment.now), lapses=lapses)


def _find_lapses(copy: RatedCopy, moment: Moment, history: LimitHistory) -> Iterator[Lapse]:
    for tier in Tier:
        if tier not in moment.limits:
            continue
        ends = [
            max(copy.at, min(rival.at, moment.now))
            for rival in moment.shelf.sharing(tier, copy)
            if rival.rank > copy.rank
        ]
        if copy.at <= moment.limits[tier]:
            ends.append(_left_window_at(copy, moment, history(tier)))
        chosen = moment.shelf.representative(tier, copy)
        is_chosen = chosen is None or chosen.id == copy.id
        yield Lapse(
            tier=tier,
            since=min(ends, default=copy.at),
            represented_by=None if is_chosen else chosen,
            limit=moment.limits[tier],
        )


def _left_window_at(copy: RatedCopy, moment: Moment, limits: Sequence[datetime]) -> datetime:
    anchors = moment.shelf.copies
    position = min(bisect_left(limits, copy.at), len(anchors) - 1)
    return min(anchors[position].at, moment.now)


def limit_history(moment: Moment) -> LimitHistory:
    """Return, per tier, the limits that the windows had when each eligible copy was the newest.

    Calendar arithmetic may step back by hours around the end of a month, so the limit that counts
    for a copy is the lowest of those that came after it.
    """
    shelf = moment.shelf
    windows, zone = shelf.rules.retention.tiers, shelf.rules.zone

    @cache
    def limits_of(tier: Tier) -> Sequence[datetime]:
        limits = [
            subtract_window(windows[tier], zone, min(copy.at, moment.now)) for copy in shelf.copies
        ]
        return list(accumulate(reversed(limits), min))[::-1]

    return limits_of
