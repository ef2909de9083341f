"""When to look for objects that nothing names, and when those may go (design §6, "Collection")."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from orchestrator.model.backup import BackupOutline
from orchestrator.model.names import DestinationName
from orchestrator.model.policy import Policy
from orchestrator.planning.phrases import say_duration, say_time
from orchestrator.planning.upkeep.view import SeriesView

GRACE = timedelta(hours=24)
LOOK_EVERY = timedelta(days=7)
RETRY_AFTER = timedelta(days=1)
"""How long to leave a place alone where something stopped a collection that was due."""


def wait_of(policy: Policy) -> timedelta:
    """Return how long an object must have been seen unreferenced before it may go."""
    return policy.source.max_duration + GRACE


def find_collection_reason(
    view: SeriesView[BackupOutline], destination: DestinationName
) -> str | None:
    """Return why everything at a destination is to be looked at now, or None if it is not."""
    if view.clock_trouble is not None or view.rebuilt_at is not None:
        return None
    return next(_find_reasons(view, destination), None)


def _find_reasons(view: SeriesView[BackupOutline], destination: DestinationName) -> Iterator[str]:
    state = view.collections.get(destination)
    looked_at = None if state is None else state.looked_at
    pruned_at = max(
        (stone.pruned_at for stone in view.tombstones if stone.destination == destination),
        default=None,
    )
    if pruned_at is not None and _is_after(pruned_at, looked_at):
        yield f"copies were pruned until {say_time(pruned_at)}"
    broken_off_at = view.broken_off_at if view.latest_failure is None else None
    if broken_off_at is not None and _is_after(broken_off_at, looked_at):
        yield f"an attempt broke off at {say_time(broken_off_at)} and may have left objects behind"
    if state is not None and state.oldest_unreferenced is not None:
        ripe_at = state.oldest_unreferenced + wait_of(view.policy)
        if ripe_at <= view.now and not _was_stopped(looked_at, ripe_at, view.now):
            since = say_time(state.oldest_unreferenced)
            yield f"objects there are named by nothing since {since} or longer"
    first = min((backup.finished_at for backup in view.backups), default=None)
    begun = looked_at or first
    if begun is not None and view.now - begun >= LOOK_EVERY:
        yield f"nobody looked for {say_duration(view.now - begun)}"


def _was_stopped(looked_at: datetime | None, ripe_at: datetime, now: datetime) -> bool:
    """Whether the last look found them old enough, and something kept it from removing them."""
    return looked_at is not None and ripe_at <= looked_at and now < looked_at + RETRY_AFTER


def _is_after(event: datetime, looked_at: datetime | None) -> bool:
    return looked_at is None or event >= looked_at
