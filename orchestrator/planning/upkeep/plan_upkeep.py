"""What is tidied up for one series in this pass, what is left alone, and why (design §6, §7)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from orchestrator.model.actions import CollectChunks, KeepAgain, MarkExpired, PruneCopy
from orchestrator.model.backup import BackupOutline, CopyState
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.plan import SkipKind, Skipped
from orchestrator.model.pruning import UpkeepPlan
from orchestrator.planning.phrases import say_duration, say_time
from orchestrator.planning.pruning.ledger import DAY
from orchestrator.planning.pruning.verdicts import PruneDecision, Verdict
from orchestrator.planning.upkeep.collection import find_collection_reason
from orchestrator.planning.upkeep.view import (
    REFUSAL_LASTS,
    PlaceDecision,
    SeriesView,
    decide_place,
)

SHOWN = 3
SKIPPED = frozenset({Verdict.WAITS, Verdict.REFUSED, Verdict.BEYOND, Verdict.TOMORROW})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedUpkeep:
    """The upkeep of a series, and how much of what `--allow-prune` allows it uses."""

    plan: UpkeepPlan
    used: int


def plan_upkeep(view: SeriesView[BackupOutline], *, allowed: int = 0) -> PlannedUpkeep:
    """Return what is tidied up for a series at the destinations of its policy, in that order.

    ``allowed`` is how many more copies than a day's measure may go. What is kept at places that the
    policy no longer names stays there.
    """
    used = 0
    places: list[UpkeepPlan] = []
    for destination in view.policy.destinations:
        decision = decide_place(view, destination, allowed=allowed - used)
        places.append(_plan_place(view, decision))
        used += decision.pruning.used
    return PlannedUpkeep(
        plan=UpkeepPlan(
            actions=tuple(action for place in places for action in place.actions),
            skipped=tuple(skip for place in places for skip in place.skipped),
        ),
        used=used,
    )


def _plan_place(view: SeriesView[BackupOutline], decision: PlaceDecision) -> UpkeepPlan:
    prunes = [*_finish(view, decision.destination), *_prune(view, decision)]
    return UpkeepPlan(
        actions=(
            *_keep_again(view, decision),
            *_mark(view, decision),
            *prunes,
            *_collect(view, decision.destination, prunes),
        ),
        skipped=(*_explain_waiting(view, decision), *_explain_locked(view, decision)),
    )


# ------------------------------------------------------------------ what to do
def _keep_again(view: SeriesView[BackupOutline], decision: PlaceDecision) -> Iterator[KeepAgain]:
    left = decision.marks.keys() - decision.pruning.marks.keys() - decision.locked.keys()
    if left:
        first = min(left)
        yield KeepAgain(
            series=view.series,
            destination=decision.destination,
            backups=tuple(sorted(left)),
            reason=f"{first}: {decision.kept[first].sentence}{_say_more(left)}",
        )


def _mark(view: SeriesView[BackupOutline], decision: PlaceDecision) -> Iterator[MarkExpired]:
    new = sorted(decision.pruning.marks.keys() - decision.marks.keys())
    if new:
        delay = say_duration(view.policy.retention.prune_delay)
        yield MarkExpired(
            series=view.series,
            destination=decision.destination,
            backups=tuple(new),
            beyond_normal_ageing=tuple(
                backup for backup in new if decision.pruning.marks[backup].beyond_normal_ageing
            ),
            reason=f"{new[0]}: {decision.kept[new[0]].sentence}{_say_more(new)};"
            f" prune_delay is {delay}",
        )


def _finish(view: SeriesView[BackupOutline], destination: DestinationName) -> Iterator[PruneCopy]:
    for backup in view.backups:
        for copy in backup.copies:
            if copy.destination != destination or copy.state is not CopyState.PRUNING:
                continue
            refused = copy.prune_refused_at
            if refused is None or view.now - refused >= REFUSAL_LASTS:
                yield PruneCopy(
                    series=view.series,
                    backup=backup.id,
                    destination=destination,
                    allowed=False,
                    reason="its removal began and was not finished",
                )


def _prune(view: SeriesView[BackupOutline], decision: PlaceDecision) -> Iterator[PruneCopy]:
    going = [one for one in decision.pruning.decisions if one.verdict is Verdict.PRUNE]
    if not going:
        return
    by_themselves = _going_by_themselves(view, decision)
    for one in sorted(going, key=lambda one: (one.copy.id not in by_themselves, *one.order)):
        yield PruneCopy(
            series=view.series,
            backup=one.copy.id,
            destination=decision.destination,
            allowed=one.copy.id not in by_themselves,
            reason=f"{decision.kept[one.copy.id].sentence}; {one.reason}",
        )


def _going_by_themselves(
    view: SeriesView[BackupOutline], decision: PlaceDecision
) -> frozenset[BackupId]:
    plain = decision
    if decision.pruning.used:
        plain = decide_place(view, decision.destination, allowed=0)
    return frozenset(one.copy.id for one in plain.pruning.decisions if one.verdict is Verdict.PRUNE)


def _collect(
    view: SeriesView[BackupOutline], destination: DestinationName, prunes: Sequence[PruneCopy]
) -> Iterator[CollectChunks]:
    reason = find_collection_reason(view, destination)
    if prunes and view.clock_trouble is None and view.rebuilt_at is None:
        reason = "copies are pruned, and what only they named is noted"
    if reason is not None:
        yield CollectChunks(series=view.series, destination=destination, reason=reason)


# ------------------------------------------------------------------ what to leave alone
def _explain_waiting(view: SeriesView[BackupOutline], decision: PlaceDecision) -> Iterator[Skipped]:
    waiting = [one for one in decision.pruning.decisions if one.verdict in SKIPPED]
    waiting.sort(key=lambda one: (one.verdict.value, one.guard or "", *one.copy.order))
    for (verdict, guard), group in groupby(waiting, key=lambda one: (one.verdict, one.guard)):
        listed = list(group)
        ids = [one.copy.id for one in listed]
        subject = f"{_say_copies(ids)} at {decision.destination}"
        until = _ends_at(verdict, listed, view, decision.destination)
        yield Skipped(
            series=view.series,
            kind=SkipKind.EXPIRED
            if verdict in (Verdict.WAITS, Verdict.TOMORROW)
            else SkipKind.PRUNE_REFUSED,
            reason=f"{subject} ({_list(ids)}): {_say(verdict, guard, until, len(ids))}",
            until=until,
        )


def _say(verdict: Verdict, guard: str | None, until: datetime | None, number: int) -> str:
    if verdict is Verdict.WAITS:
        end = "" if until is None else f"; the first may go at {say_time(until)}"
        return f"expired, and prune_delay is not over{end}"
    if verdict is Verdict.TOMORROW:
        return "expired, and as many as may go in one day have gone; the others follow"
    if verdict is Verdict.BEYOND:
        return (
            "expired, and more at once than normal ageing explains:"
            f" `orchestrator apply --allow-prune {number}` lets them go"
        )
    return f"not pruned: {guard or 'refused'}"


def _ends_at(
    verdict: Verdict,
    decisions: Sequence[PruneDecision],
    view: SeriesView[BackupOutline],
    destination: DestinationName,
) -> datetime | None:
    if verdict is Verdict.WAITS:
        return min((one.ready_at for one in decisions if one.ready_at is not None), default=None)
    if verdict is Verdict.TOMORROW:
        today = [
            stone.pruned_at + DAY
            for stone in view.tombstones
            if stone.destination == destination and stone.pruned_at + DAY > view.now
        ]
        return min(today, default=None)
    return None


def _explain_locked(view: SeriesView[BackupOutline], decision: PlaceDecision) -> Iterator[Skipped]:
    locked = [backup for backup in decision.locked if not decision.kept[backup].is_kept]
    if locked:
        until = min(decision.locked[backup] for backup in locked)
        yield Skipped(
            series=view.series,
            kind=SkipKind.PRUNE_REFUSED,
            reason=f"{_say_copies(locked)} at {decision.destination}"
            f" ({_list(locked)}): expired, and the destination refused to let go; the next try is"
            f" at {say_time(until)}",
            until=until,
        )


def _say_copies(backups: Sequence[BackupId]) -> str:
    return "1 copy" if len(backups) == 1 else f"{len(backups)} copies"


def _list(backups: Sequence[BackupId]) -> str:
    more = f", and {len(backups) - SHOWN} more" if len(backups) > SHOWN else ""
    return ", ".join(backups[:SHOWN]) + more


def _say_more(backups: Sequence[BackupId] | set[BackupId]) -> str:
    return f" (and {len(backups) - 1} more)" if len(backups) > 1 else ""
