"""Whether the ranges of chunks leave no gap: a block that nobody read is a row that is lost."""

from collections.abc import Sequence

from orchestrator.model.contents import Chunk


def check_ranges(chunks: Sequence[Chunk]) -> str | None:
    """Given a table's chunks in order, return what is wrong with their ranges, or None.

    They must begin at 0, follow each other without gap or overlap, hold one number at least, and
    only the last is open upwards (design §6).
    """
    expected: int | None = 0
    for chunk in chunks:
        first, end = chunk.range.first, chunk.range.end
        if expected is None:
            return f"the range from {first} follows one that is open upwards"
        if first != expected:
            return f"a range begins at {first} instead of {expected}"
        if end is not None and end <= first:
            return f"the range from {first} ends at {end}"
        expected = end
    if expected is not None:
        return f"nothing covers {expected} and above"
    return None
