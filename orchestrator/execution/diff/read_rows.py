"""Reading rows to compare them: each becomes two digests, of its key and of what is compared."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter

from orchestrator.execution.diff.copy_text import NULL, LineSplitter, codec_of, decode_field
from orchestrator.execution.diff.spill import SpilledPairs, digest
from orchestrator.execution.diff.states import Piece, State
from orchestrator.model.contents import TableName
from orchestrator.planning.comparison.report import RowChange
from orchestrator.planning.comparison.schema import Change
from orchestrator.ports.progress import Step

_ROWS_PER_BUCKET = 20_000
_FEWEST_BUCKETS, _MOST_BUCKETS = 64, 2048

Lines = Callable[[list[bytes]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReading:
    """How rows are read: ``examples`` is how many keys of each kind of change are wanted."""

    examples: int
    step: Step
    check: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Projection:
    """Which fields of a line are its key (none: the whole), and which are compared (None: all)."""

    key: tuple[int, ...]
    compared: tuple[int, ...] | None

    @staticmethod
    def of(columns: Sequence[str], common: Sequence[str], key: Sequence[str]) -> "Projection":
        """Return the one that finds the fields of ``common`` and ``key`` in lines of ``columns``."""
        compared = tuple(columns.index(name) for name in common)
        return Projection(
            key=tuple(columns.index(name) for name in key),
            compared=None if compared == tuple(range(len(columns))) else compared,
        )

    def text_of(self, line: bytes) -> bytes:
        """Return the compared fields of a line."""
        if self.compared is None:
            return line
        fields = line.split(b"\t")
        return b"\t".join(fields[place] for place in self.compared)

    def key_of(self, line: bytes) -> tuple[bytes, ...]:
        """Return the fields of the key; none if the row has NULL there, which keeps no rows apart."""
        fields = line.split(b"\t")
        key = tuple(fields[place] for place in self.key)
        return () if NULL in key else key


def spill_rows(
    spilled: SpilledPairs,
    state: State,
    pieces: Sequence[Piece],
    projection: Projection,
    reading: RowReading,
) -> None:
    """Read pieces, and add every row of theirs."""
    add = _adder(spilled, projection)
    for piece in pieces:
        reading.check()
        _read_lines(state, piece, add, reading.step)


def buckets_for(*states: Sequence[Piece]) -> int:
    """Return how many buckets keep each small, as far as the numbers of rows are known."""
    known = max(sum(piece.rows or 0 for piece in pieces) for pieces in states)
    return min(max(known // _ROWS_PER_BUCKET, _FEWEST_BUCKETS), _MOST_BUCKETS)


def without_shared(
    first: Sequence[Piece], second: Sequence[Piece]
) -> tuple[Sequence[Piece], Sequence[Piece]]:
    """Leave out the pieces of which both states have equal ones, as often as both have them."""
    shared = Counter(_contents(first)) & Counter(_contents(second))
    return _leave_out(first, shared.copy()), _leave_out(second, shared.copy())


def count_rows(state: State, name: TableName, reading: RowReading) -> int:
    """Return how many rows a table has, reading it only if that is not known."""
    rows = 0

    def count_lines(block: bytes) -> None:
        nonlocal rows
        rows += block.count(b"\n")
        reading.step.advanced(len(block))

    for piece in state.pieces(name):
        reading.check()
        if piece.rows is None:
            state.read(piece, count_lines)
        else:
            rows += piece.rows
    return rows


def find_keys(
    state: State, pieces: Sequence[Piece], projection: Projection, wanted: Mapping[bytes, Change]
) -> list[RowChange]:
    """Read pieces once more to learn the keys of which only digests are known, each once.

    Stops at the piece in which the last is found. Rows that have no key are not found.
    """
    left = dict(wanted)
    codec = codec_of(state.encoding)
    found: list[RowChange] = []

    def look(lines: list[bytes]) -> None:
        for line in lines:
            key = projection.key_of(line)
            change = left.pop(digest(b"\t".join(key)), None)
            if change is not None:
                told = tuple(decode_field(field, codec) for field in key)
                found.append(RowChange(change=change, key=told))

    for piece in pieces:
        if left and projection.key:
            _read_lines(state, piece, look)
    return found


def _adder(spilled: SpilledPairs, projection: Projection) -> Lines:
    """Return what takes lines; the first way is the common one, and the fastest."""
    if projection.compared is None and len(projection.key) == 1:
        key_field = itemgetter(projection.key[0])

        def add_simply(lines: list[bytes]) -> None:
            for line in lines:
                key = key_field(line.split(b"\t"))
                row = digest(line)
                spilled.add(row if key == NULL else digest(key), row)

        return add_simply

    def add(lines: list[bytes]) -> None:
        for line in lines:
            row = digest(projection.text_of(line))
            key = projection.key_of(line) if projection.key else ()
            spilled.add(digest(b"\t".join(key)) if key else row, row)

    return add


def _read_lines(state: State, piece: Piece, take: Lines, step: Step | None = None) -> None:
    splitter = LineSplitter()

    def consume(block: bytes) -> None:
        take(splitter.feed(block))
        if step is not None:
            step.advanced(len(block))

    state.read(piece, consume)


def _contents(pieces: Sequence[Piece]) -> list[str]:
    return [piece.content for piece in pieces if piece.content is not None]


def _leave_out(pieces: Sequence[Piece], shared: Counter[str]) -> Sequence[Piece]:
    left: list[Piece] = []
    for piece in pieces:
        if piece.content is not None and shared[piece.content]:
            shared[piece.content] -= 1
        else:
            left.append(piece)
    return left
