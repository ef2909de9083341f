"""Sequences: only ever raised, and by ``ALTER SEQUENCE … RESTART``, which a rollback undoes.

``setval`` would stay whatever becomes of the transaction. They are never lowered: numbers that were
given out since the backup may be written down elsewhere.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.model.contents import SequenceState, TableName
from orchestrator.ports.restoring.existing_database import Wanted

_PRESENT = """
SELECT n.nspname, c.relname, s.seqincrement::bigint, s.seqmin::bigint, s.seqmax::bigint,
       s.seqcache::bigint,
       EXISTS (SELECT FROM pg_catalog.pg_depend d
               WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid
                 AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                 AND d.refobjid = ANY (%(oids)s::pg_catalog.oid[]) AND d.deptype IN ('a', 'i'))
       OR EXISTS (SELECT FROM pg_catalog.pg_depend d
                  JOIN pg_catalog.pg_attrdef a ON a.oid = d.objid
                  WHERE d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass
                    AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.refobjid = c.oid AND a.adrelid = ANY (%(oids)s::pg_catalog.oid[]))
FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2
"""

_EXHAUST = "SELECT pg_catalog.setval(%s::pg_catalog.regclass, %s, true)"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSequence:
    """A sequence that is there now, and where the backup left it."""

    name: TableName
    increment: int
    lowest: int
    highest: int
    cache: int
    then: SequenceState

    @property
    def next_then(self) -> int:
        """The number that it would have given next, at the time of the backup."""
        return self.then.last_value + (self.increment if self.then.is_called else 0)

    def is_behind(self, last_value: int, *, is_called: bool) -> bool:
        """Whether a sequence that stands there would give numbers again that the backup has."""
        upcoming = last_value + (self.increment if is_called else 0)
        return upcoming < self.next_then if self.increment > 0 else upcoming > self.next_then


def find_sequences(
    connection: Connection, oids: Sequence[int], wanted: Wanted
) -> tuple[list[FoundSequence], list[str]]:
    """Return the sequences that the tables use (or all), and in words those that are gone."""
    recorded = {state.name: state for state in wanted.sequences}
    found: list[FoundSequence] = []
    present: set[TableName] = set()
    for schema, name, increment, lowest, highest, cache, used in connection.execute(
        _PRESENT, {"oids": list(oids)}
    ):
        sequence = TableName(str(schema), str(name))
        present.add(sequence)
        then = recorded.get(sequence)
        if then is not None and (used or wanted.every_sequence):
            numbers = (int(str(number)) for number in (increment, lowest, highest, cache))
            step, low, high, cached = numbers
            found.append(
                FoundSequence(
                    name=sequence, increment=step, lowest=low, highest=high, cache=cached, then=then
                )
            )
    gone = sorted(recorded.keys() - present) if wanted.every_sequence else []
    return found, [f"sequence {name} of the backup does not exist here" for name in gone]


def behind(connection: Connection, sequences: Sequence[FoundSequence]) -> Iterator[FoundSequence]:
    """Yield those that stand behind the backup now."""
    for sequence in sequences:
        last_value, is_called = _state(connection, sequence)
        if sequence.is_behind(last_value, is_called=is_called):
            yield sequence


def raise_sequences(connection: Connection, sequences: Sequence[FoundSequence]) -> list[str]:
    """Raise, inside the transaction, those that stand behind the backup; say which.

    One that does not is left without a lock: whoever drew a number from it may wait for us.
    """
    raised = []
    for sequence in list(behind(connection, sequences)):
        # Sets what is set already: there is no LOCK for sequences, and this holds its lock.
        name = qualified(sequence.name)
        connection.execute(f"ALTER SEQUENCE {name} CACHE {sequence.cache}".encode())
        last_value, is_called = _state(connection, sequence)
        if not sequence.is_behind(last_value, is_called=is_called):
            continue
        if sequence.lowest <= sequence.next_then <= sequence.highest:
            statement = f"ALTER SEQUENCE {name} RESTART WITH {sequence.next_then}"
            connection.execute(statement.encode())
        else:
            # It had given its last number, which RESTART cannot say.
            connection.execute(_EXHAUST, [name, sequence.then.last_value])
        raised.append(f"{sequence.name} goes on at {sequence.next_then} instead of {last_value}")
    return raised


def _state(connection: Connection, sequence: FoundSequence) -> tuple[int, bool]:
    # The name is quoted by qualified().
    query = f"SELECT last_value, is_called FROM {qualified(sequence.name)}"  # noqa: S608
    row = connection.execute(query.encode()).fetchone()
    if row is None:
        raise LookupError(f"sequence {sequence.name} has no state")
    return int(str(row[0])), bool(row[1])
