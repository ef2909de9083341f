"""What retention decided, in words: every reason to keep, and why nothing keeps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model.policy import Tier
from orchestrator.planning.phrases import say_time
from orchestrator.planning.retention.buckets import say_bucket
from orchestrator.planning.retention.copies import RatedCopy, Standing
from orchestrator.planning.retention.lapses import Expiry, Lapse
from orchestrator.planning.retention.rules import (
    HELD,
    MIN_KEEP,
    NEWEST,
    NOTHING_ELIGIBLE,
    YOUNG_LABEL,
    Moment,
)

UNITS: Mapping[Tier, str] = {
    Tier.HOURLY: "hour",
    Tier.DAILY: "day",
    Tier.WEEKLY: "week",
    Tier.MONTHLY: "month",
    Tier.YEARLY: "year",
}
TIERS: Mapping[str, Tier] = {tier.value: tier for tier in Tier}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepReason:
    """One rule that keeps a copy: its label, and in words why.

    ``bucket`` names what the copy represents if the rule is a tier (``2026-W43``), else None.
    """

    label: str
    bucket: str | None
    sentence: str


def say_kept(copy: RatedCopy, labels: Sequence[str], moment: Moment) -> tuple[KeepReason, ...]:
    """Return the reasons that belong to the labels of a copy."""
    return tuple(
        _say_tier(copy, TIERS[label], moment)
        if label in TIERS
        else KeepReason(label=label, bucket=None, sentence=_say_always(copy, label, moment))
        for label in labels
    )


def _say_tier(copy: RatedCopy, tier: Tier, moment: Moment) -> KeepReason:
    rules = moment.shelf.rules
    bucket = say_bucket(tier, copy.at, rules.zone)
    window = rules.retention.tiers[tier]
    return KeepReason(
        label=tier.value,
        bucket=bucket,
        sentence=f"{tier.value} {window}: it represents the {UNITS[tier]} {bucket},"
        f" newer than {say_time(moment.limits[tier])}",
    )


def _say_always(copy: RatedCopy, label: str, moment: Moment) -> str:
    if label == HELD:
        return "; ".join(_say_holds(copy, moment))
    number = moment.shelf.rules.retention.min_keep
    return {
        NEWEST: _say_newest(copy, moment),
        MIN_KEEP: f"min_keep {number}: it is one of the newest {number} verified copies",
        YOUNG_LABEL: "young: it is younger than one hour",
        NOTHING_ELIGIBLE: "nothing eligible: no copy of this series here is complete and"
        " trusted, so all are kept",
    }[label]


def _say_newest(copy: RatedCopy, moment: Moment) -> str:
    if moment.shelf.count_newer_verified(copy) == 0:
        return "newest: the newest verified copy is never pruned"
    return (
        "newest: the verified copy that was taken last is never pruned; others have later times"
        " because the clock went back"
    )


def _say_holds(copy: RatedCopy, moment: Moment) -> Iterator[str]:
    for hold in copy.holds:
        if hold.is_in_force(moment.now):
            end = "until it is released" if hold.until is None else f"until {say_time(hold.until)}"
            yield f"held {end}, by {hold.who}: {hold.reason}"


# ------------------------------------------------------------------ what nothing keeps
def say_expiry(copy: RatedCopy, expiry: Expiry, moment: Moment) -> str:
    """Return in words why no rule keeps a copy, what took its place, and since when."""
    match copy.standing:
        case Standing.SUSPICIOUS:
            return (
                "no rule keeps it: it is suspicious and nobody acknowledged it, so it counts for"
                " no tier"
            )
        case Standing.SAFETY:
            return (
                "no rule keeps it: it is what a restore replaced, and counts only where nothing else"
                " does"
            )
        case Standing.DAMAGED:
            return _say_damaged(expiry)
        case Standing.ELIGIBLE:
            return _say_outlived(copy, expiry, moment)


def _say_damaged(expiry: Expiry) -> str:
    if not expiry.kept_if_whole:
        return "no rule keeps it: it failed verification, and no rule would keep it were it whole"
    return (
        "no rule keeps it: it failed verification; were it whole,"
        f" {', '.join(expiry.kept_if_whole)} would keep it, so this alone does not let it be pruned"
    )


def _say_outlived(copy: RatedCopy, expiry: Expiry, moment: Moment) -> str:
    since = "" if expiry.since is None else f" since {say_time(expiry.since)}"
    told = [_say_lapse(copy, lapse, moment) for lapse in expiry.lapses]
    number = moment.shelf.rules.retention.min_keep
    newer = "newer ones are the newest verified" if copy.verified else "it is not verified"
    return "; ".join([f"no rule keeps it{since}", *told, f"min_keep {number}: {newer}"])


def _say_lapse(copy: RatedCopy, lapse: Lapse, moment: Moment) -> str:
    rules = moment.shelf.rules
    bucket = say_bucket(lapse.tier, copy.at, rules.zone)
    name = f"{lapse.tier.value} {rules.retention.tiers[lapse.tier]}"
    since = say_time(lapse.since)
    if lapse.represented_by is not None:
        return (
            f"{name}: {lapse.represented_by.id} represents the {UNITS[lapse.tier]} {bucket},"
            f" since {since}"
        )
    return (
        f"{name}: the {UNITS[lapse.tier]} {bucket} is older than the window, which begins after"
        f" {say_time(lapse.limit)}, since {since}"
    )
