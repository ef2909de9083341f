"""What one verification changes in what is known of a copy; both adapters decide by this."""

from dataclasses import replace
from datetime import datetime

from orchestrator.model.backup import Copy, CopyState
from orchestrator.model.verification import Level, Verification


def copy_after(copy: Copy, verification: Verification) -> Copy:
    """Given a copy and the result of reading it again, return the copy as it is now known.

    A pass makes it COMPLETE and raises its level; ``verified_at`` stays the time at which the
    level that is shown was proved. Damage takes the level away. A pass from before the damage was
    found says nothing about the copy as it is now, and neither does one at a weaker level than the
    damage was found at: sizes may be right where bytes are not. What is found of a copy that is
    being pruned says nothing: its objects go.
    """
    if copy.state is CopyState.PRUNING:
        return copy
    if not verification.passed:
        return replace(
            copy,
            state=CopyState.DAMAGED,
            level=None,
            verified_at=verification.at,
            damage_level=_damage_level(copy, verification),
            trouble=_trouble(verification),
        )
    if _leaves_damage_unproved(copy, verification):
        return copy
    complete = replace(copy, state=CopyState.COMPLETE, damage_level=None, trouble=None)
    if copy.level is not None and copy.level > verification.level:
        return complete
    return replace(complete, level=verification.level, verified_at=_proved_at(copy, verification))


def _trouble(verification: Verification) -> str:
    first, *others = verification.damage
    return f"{first} (and {len(others)} more)" if others else str(first)


def _damage_level(copy: Copy, verification: Verification) -> Level:
    return max(copy.damage_level or verification.level, verification.level)


def _leaves_damage_unproved(copy: Copy, verification: Verification) -> bool:
    if copy.state is not CopyState.DAMAGED:
        return False
    is_outdated = copy.verified_at is not None and verification.at < copy.verified_at
    is_weaker = copy.damage_level is not None and verification.level < copy.damage_level
    return is_outdated or is_weaker


def _proved_at(copy: Copy, verification: Verification) -> datetime:
    if copy.level == verification.level and copy.verified_at is not None:
        return max(copy.verified_at, verification.at)
    return verification.at
