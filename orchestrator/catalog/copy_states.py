"""What pruning changes in what is known of a copy; both adapters decide by this."""

from dataclasses import replace
from datetime import datetime

from orchestrator.model.backup import Copy, CopyState


def expired(copy: Copy, at: datetime, *, beyond_normal_ageing: bool) -> Copy:
    """Return a copy as marked at a time; one that is marked already keeps its mark."""
    if copy.expired_at is not None:
        return copy
    return replace(copy, expired_at=at, beyond_normal_ageing=beyond_normal_ageing)


def kept_again(copy: Copy) -> Copy:
    """Return a copy without its mark."""
    return replace(copy, expired_at=None, beyond_normal_ageing=False, prune_refused_at=None)


def being_pruned(copy: Copy) -> Copy:
    """Return a copy whose objects go from now on."""
    return replace(copy, state=CopyState.PRUNING, prune_refused_at=None)


def refused(copy: Copy, at: datetime, *, is_whole: bool) -> Copy:
    """Return a copy that its destination did not let go of."""
    if copy.state is not CopyState.PRUNING:
        return copy
    return replace(taken_back(copy) if is_whole else copy, prune_refused_at=at)


def taken_back(copy: Copy) -> Copy:
    """Return a copy as it was before its removal began; only damage leaves ``trouble`` behind."""
    if copy.state is not CopyState.PRUNING:
        return copy
    before = CopyState.COMPLETE if copy.trouble is None else CopyState.DAMAGED
    return replace(copy, state=before)
