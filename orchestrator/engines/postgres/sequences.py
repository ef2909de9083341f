"""Sequences: read after the data, because they do not obey snapshots.

``last_value`` went from 1 to 3 inside one snapshot (reference/postgres.md §2, row 6); read last,
it can only be ahead of the rows, never behind. A standby may show them up to 32 values ahead of
their primary, and has none of unlogged sequences (row 45).
"""

import psycopg

from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.model.contents import SequenceState, TableName

Connection = psycopg.Connection[tuple[object, ...]]

_SEQUENCES = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't'
  AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2
"""

_BATCH = 200


def read_sequences(connection: Connection) -> tuple[SequenceState, ...]:
    """Return the state of every sequence of the database, by schema and name."""
    names = [TableName(str(schema), str(name)) for schema, name in connection.execute(_SEQUENCES)]
    states: list[SequenceState] = []
    for start in range(0, len(names), _BATCH):
        states.extend(_read_batch(connection, names[start : start + _BATCH]))
    return tuple(states)


def _read_batch(connection: Connection, names: list[TableName]) -> list[SequenceState]:
    # The names are quoted by qualified(); the numbers are ours.
    query = " UNION ALL ".join(
        f"SELECT {index}, last_value, is_called FROM {qualified(name)}"  # noqa: S608
        for index, name in enumerate(names)
    )
    return [
        SequenceState(
            name=names[int(str(index))], last_value=int(str(value)), is_called=bool(called)
        )
        for index, value, called in connection.execute(f"{query} ORDER BY 1".encode())
    ]
