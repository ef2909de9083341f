"""Which suspicious backups still wait for a human."""

from collections.abc import Sequence
from operator import attrgetter

from orchestrator.model.backup import AnyBackup


def unanswered(backups: Sequence[AnyBackup]) -> tuple[AnyBackup, ...]:
    """Given the backups of a series, return the suspicious ones that nobody has answered, oldest first.

    Whoever acknowledges a backup has seen what the series came to by then: it answers for the
    suspicious ones before it, so that pruning goes on (design §4) without one answer each. A later
    backup that looks right by itself answers nothing: rows that came back may be other rows. The
    earlier ones stay suspicious themselves, and are never eligible.
    """
    if not any(backup.suspicion is not None for backup in backups):
        return ()
    waiting: list[AnyBackup] = []
    for backup in sorted(backups, key=attrgetter("position")):
        if backup.acknowledged is not None:
            waiting.clear()
        elif backup.is_suspicious:
            waiting.append(backup)
    return tuple(waiting)
