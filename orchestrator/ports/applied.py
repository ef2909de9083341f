"""What was applied: each policy as it was in force last, and names that policies had before.

Part of `orchestrator.ports.catalog`; the rules of that module hold here, too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.names import PolicyName, Series
from orchestrator.model.run import LogEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedPolicy:
    """A policy as it was applied last.

    ``document`` is its canonical text, of `orchestrator.planning.changes.document`, which carries
    no secret. ``in_force`` is false once the policy was gone from the files that were applied: its
    last rules stay known.
    """

    name: PolicyName
    document: str
    in_force: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How many backups a series has, and the bytes that they store, shared chunks counted with each."""

    backups: int
    stored_bytes: int


class AppliedReader(Protocol):
    """Reads what was applied."""

    def applied_policies(self) -> Sequence[AppliedPolicy]:
        """Return every policy that was ever applied, by name."""
        ...

    def amount(self, series: Series) -> Amount:
        """Return how many backups the catalog lists of a series; it reads none of them."""
        ...


class AppliedWriter(Protocol):
    """Writes what was applied."""

    def record_renamed(
        self,
        old: PolicyName,
        new: PolicyName,
        *,
        abandoned: Collection[int],
        entry: LogEntry,
    ) -> bool:
        """Give everything that is known of a policy a new name, in one transaction.

        Series with their paths, backups, runs, marks, tombstones, leases, schedules, pauses: only
        the log stays as it was written. What is known of the new name itself gives way, except its
        runs, and its pause, which is the later one. Returns whether it did: not if nothing was
        known of the old name, and not if the new one has backups while the old one has none. Then
        nothing is changed, and no log entry is written.

        Leases that were not released forbid it, unless their fence is one of the ``abandoned``: the
        caller found their holders to be gone.

        Raises:
            SeriesLockedError: a run is at work on a series of either name; nothing was changed.
            RenameRefusedError: both names have backups; nothing was changed.
        """
        ...
