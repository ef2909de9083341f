"""Whether the source still has what the last good backup had (fault F41: failover to an old node).

Servers that follow each other share the system identifier, so only the write-ahead log tells: a
node that took over begins a timeline of its own where it stood. If that is at or beyond the
position of the last good backup, nothing of that backup is missing there; that is a failover as it
should be, and no reason for suspicion. If it lies before, rows are gone. The position that the node
has reached since does not matter: it may have written more than it lacked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import dropwhile

from orchestrator.model.contents import Details, TimelineEnd, WalPosition, position_text


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """A new backup and the last good one before, of one server or of nodes that followed each other.

    ``now`` is None if the server does not say where its log stands. ``since`` is the id of the last
    good backup, ``age`` its age when the new one was taken, and ``standby_lag`` how far a standby
    may be behind.
    """

    now: WalPosition | None
    was: WalPosition
    in_recovery: bool
    since: str
    age: timedelta
    standby_lag: timedelta

    def reasons(self) -> Iterator[str]:
        """Yield why what the last good backup had, or what came later, is missing at the source."""
        now, was = self.now, self.was
        if now is None:
            return
        shared = _shared_until(now, was)
        if _is_before(now.timeline, was.timeline):
            yield (
                f"the server is on timeline {now.timeline}, and the last good backup before"
                f" ({self.since}) came from timeline {was.timeline}: a failover left this server"
                " behind, and what was written at its successor is not in this backup"
            )
        elif shared is not None and shared < was.position:
            yield (
                "the server took over, or was brought back, without everything: its log is that of"
                f" the last good backup before ({self.since}) up to {position_text(shared)} only,"
                f" and that stood at {position_text(was.position)} (timeline {was.timeline}, now"
                f" {now.timeline}); what was written in between is not in this backup"
            )
        elif now.position < was.position and not self.in_recovery:
            yield f"{self._behind(now)}: it is an older copy that was brought back or took over"
        elif now.position < was.position and self.age > self.standby_lag:
            yield (
                f"{self._behind(now)}: this standby is further behind than the"
                f" {self.standby_lag.total_seconds():g} s that are allowed"
            )

    def notes(self) -> Iterator[str]:
        """Yield what is good to know, or could not be told, where there is no reason."""
        now, was = self.now, self.was
        if now is None:
            yield (
                "the server does not say where its write-ahead log stands: whether it still has"
                f" everything of {self.since} was not judged by that"
            )
        elif next(self.reasons(), None) is not None:
            return
        elif now.position < was.position:
            yield f"{self._behind(now)}: the standby is a little behind, as it may be"
        elif _is_before(was.timeline, now.timeline) and _told_by_history(now, was) is None:
            yield (
                f"another node took over since {self.since} (timeline {was.timeline}, now"
                f" {now.timeline}); whether it had everything then cannot be told without the"
                " history of timelines at both backups, which few roles may read"
            )
        elif was.timeline is None and not self.in_recovery:
            yield (
                f"the last good backup before ({self.since}) came from a standby that did not show"
                " its timeline, and the server is a primary: whether it took over since, and had"
                " everything then, cannot be told"
            )

    def _behind(self, now: WalPosition) -> str:
        return (
            f"the server's log is at {position_text(now.position)}, and was at"
            f" {position_text(self.was.position)} in the last good backup before ({self.since})"
        )


def lineage_of(
    details: Details, was: Details, *, since: str, standby_lag: timedelta
) -> Lineage | None:
    """Return what there is to compare of two backups; None if nothing is.

    That is so with another server, which is another finding, and with a last good backup that does
    not say where the log stood.
    """
    new, old = details.identity, was.identity
    if old.wal is None or new.system_identifier != old.system_identifier:
        return None
    return Lineage(
        now=new.wal,
        was=old.wal,
        in_recovery=new.in_recovery,
        since=since,
        age=details.snapshot_at - was.snapshot_at,
        standby_lag=standby_lag,
    )


def _shared_until(now: WalPosition, was: WalPosition) -> int | None:
    """Return where the two logs part; None if they do not, or if nothing says where."""
    if now.timeline is None or was.timeline is None:
        return None
    told = _told_by_history(now, was)
    if told is not None or now.recovered_to is None:
        return told
    if now.timeline > was.timeline:
        # It had no more than that when it took over. If it has crashed since, this is where that
        # recovery ended, and it may have had less: only what lies before was.position says something.
        return now.recovered_to
    if was.recovered_to is not None and now.recovered_to < was.recovered_to:
        # Two nodes took the same number for their timelines, because neither knew of the other.
        return now.recovered_to
    return None


def _told_by_history(now: WalPosition, was: WalPosition) -> int | None:
    """Return where the two logs part by their histories; None if they do not, or do not say."""
    if now.timeline is None or was.timeline is None:
        return None
    if now.history is None or was.history is None:
        return None
    return _fork(_path(now.history, now.timeline), _path(was.history, was.timeline))


def _is_before(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one < other


_OPEN = 1 << 64
"""Beyond any position: where the timeline ends on which a server still is."""


def _path(history: tuple[TimelineEnd, ...], timeline: int) -> tuple[TimelineEnd, ...]:
    return (*history, TimelineEnd(timeline=timeline, position=_OPEN))


def _fork(one: tuple[TimelineEnd, ...], other: tuple[TimelineEnd, ...]) -> int | None:
    """Return where two histories part; None if they do not, or have no timeline in common."""
    common = {end.timeline for end in one} & {end.timeline for end in other}
    shared = None
    # A history file may lack the earliest timelines, which says nothing against either.
    for mine, yours in zip(_since(common, one), _since(common, other), strict=False):
        if mine.timeline != yours.timeline:
            return shared
        shared = min(mine.position, yours.position)
        if mine.position != yours.position:
            return shared
    return None


def _since(common: set[int], path: tuple[TimelineEnd, ...]) -> Iterator[TimelineEnd]:
    """Yield a path from the first timeline on that another has too."""
    return dropwhile(lambda end: end.timeline not in common, path)
