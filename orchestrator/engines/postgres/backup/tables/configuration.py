"""Rows that users added to the configuration tables of extensions: not backed up, but listed.

An extension's script says which rows of such a table are not its own (``extcondition``); those
CREATE EXTENSION does not bring back (reference/postgres.md §2, row 29).
"""

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.model.contents import LeftOut, TableName

_CONFIGURATION = """
SELECT e.extname, n.nspname, c.relname, w.condition
FROM pg_catalog.pg_extension e
CROSS JOIN LATERAL unnest(e.extconfig, e.extcondition) AS w(relation, condition)
JOIN pg_catalog.pg_class c ON c.oid = w.relation AND c.relkind = 'r'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY 1, 2, 3
"""


def read_configuration_left_out(connection: Connection) -> tuple[LeftOut, ...]:
    """Return each configuration table that holds rows of the user's own."""
    left_out: list[LeftOut] = []
    for extension, schema, name, condition in connection.execute(_CONFIGURATION).fetchall():
        table = TableName(str(schema), str(name))
        # The condition is the extension's own SQL, which pg_dump runs in the same way.
        query = f"SELECT pg_catalog.count(*) FROM ONLY {qualified(table)} {condition or ''}"  # noqa: S608
        row = connection.execute(query.encode()).fetchone()
        rows = int(str(row[0])) if row is not None else 0
        if rows:
            left_out.append(
                LeftOut(
                    kind="extension configuration table",
                    name=str(table),
                    reason=f"{rows} rows were added to those that the extension {extension} brings"
                    " itself; save them with `COPY` and load them after a restore",
                )
            )
    return tuple(left_out)
