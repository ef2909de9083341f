"""From the digests of two states of a table to what was added, removed and changed."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.execution.diff.spill import DIGEST_BYTES, SpilledPairs
from orchestrator.planning.comparison.schema import Change


@dataclass(slots=True)
class ChangeCounts:
    """How many rows changed in which way, and the digests of the first ``wanted`` of each kind."""

    wanted: int
    counts: Counter[Change] = field(default_factory=Counter)
    examples: dict[Change, dict[bytes, None]] = field(
        default_factory=lambda: {change: {} for change in Change}
    )

    def note(self, change: Change, key: bytes, rows: int) -> None:
        """Count rows that have this key."""
        self.counts[change] += rows
        if rows and len(self.examples[change]) < self.wanted:
            self.examples[change][key] = None


def count_changes(
    before: SpilledPairs,
    after: SpilledPairs,
    *,
    wanted: int,
    check: Callable[[], None],
    distinct_keys: bool = False,
) -> ChangeCounts:
    """Compare two states that were spilled into the same number of buckets.

    Rows that are the same in both are left out, however often they occur. Of the rest, one with a
    key that the other state has left over as well was changed. With ``distinct_keys`` a key counts
    once, however many rows it has. ``check`` is called before each bucket.
    """
    changes = ChangeCounts(wanted)
    for bucket in before.buckets:
        check()
        first, second = before.pairs_of(bucket), after.pairs_of(bucket)
        gone = _by_key(first - second, distinct=distinct_keys)
        come = _by_key(second - first, distinct=distinct_keys)
        for key in dict.fromkeys([*gone, *come]):
            changed = min(gone[key], come[key])
            changes.note(Change.CHANGED, key, changed)
            changes.note(Change.REMOVED, key, gone[key] - changed)
            changes.note(Change.ADDED, key, come[key] - changed)
    return changes


def _by_key(pairs: Counter[bytes], *, distinct: bool) -> Counter[bytes]:
    keys: Counter[bytes] = Counter()
    for pair, rows in pairs.items():
        keys[pair[:DIGEST_BYTES]] += rows
    return Counter(keys.keys()) if distinct else keys
