"""What extensions have that no backup carries: rows of their tables, listed; and their versions.

CREATE EXTENSION brings back what the extension's script makes, and nothing else: neither rows that
users added to its configuration tables (``extcondition`` says which are not its own), nor tables
that were made members later, nor the version that was installed (reference/postgres.md §2, row 29).
"""

from dataclasses import dataclass

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.model.contents import Extension, LeftOut, TableName

_MEMBERS = """
SELECT e.extname, n.nspname, c.relname, c.relkind::text,
       c.oid = ANY (coalesce(e.extconfig, '{}')) AS is_configuration,
       e.extcondition[pg_catalog.array_position(e.extconfig, c.oid)],
       pg_catalog.has_schema_privilege(n.oid, 'USAGE')
         AND CASE WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT')
                  ELSE pg_catalog.has_table_privilege(c.oid, 'SELECT') END,
       s.seqstart
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'S')
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_sequence s ON s.seqrelid = c.oid
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
  AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery())
ORDER BY 1, 2, 3
"""
_EXTENSIONS = "SELECT e.extname, e.extversion FROM pg_catalog.pg_extension e ORDER BY 1"
_SAVE = "save them with `COPY` and load them after a restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRows:
    """A table or sequence of an extension with more in it than CREATE EXTENSION is known to bring.

    ``rows`` is None if this role may not count them; a sequence that was used has one.
    """

    extension: str
    name: TableName
    kind: str
    rows: int | None
    is_configuration: bool

    def left_out(self) -> LeftOut:
        """Return it as what a backup does not hold."""
        it = f"the extension {self.extension}"
        if self.kind == "S":
            reason = f"{it} has it, and brings it unused; set it with `setval` after a restore"
        elif self.rows is None:
            reason = f"{it} has it, and this role may not count its rows; {_SAVE}"
        elif self.is_configuration:
            reason = f"{self.rows} rows were added to those that {it} brings itself; {_SAVE}"
        else:
            reason = f"{self.rows} rows, of which {it} brings back at most its own; {_SAVE}"
        return LeftOut(kind=self._kind_in_words, name=str(self.name), reason=reason)

    @property
    def _kind_in_words(self) -> str:
        if self.kind == "S":
            return "extension sequence"
        return "extension configuration table" if self.is_configuration else "extension table"


def read_extensions(connection: Connection) -> tuple[Extension, ...]:
    """Return every installed extension with its version, by name."""
    return tuple(
        Extension(name=str(name), version=str(version))
        for name, version in connection.execute(_EXTENSIONS)
    )


def read_member_rows(connection: Connection) -> tuple[MemberRows, ...]:
    """Return each table of an extension that holds rows, and each sequence of one that was used.

    Of configuration tables only what users added counts. Rows that the script of an extension puts
    into another table cannot be told from others, and are counted, too.
    """
    rows = connection.execute(_MEMBERS).fetchall()
    members = (_member(connection, row) for row in rows)
    return tuple(member for member in members if member.rows != 0)


def _member(connection: Connection, row: tuple[object, ...]) -> MemberRows:
    extension, schema, name, kind, is_configuration, condition, may_read, start = row
    table = TableName(str(schema), str(name))
    query = f"SELECT pg_catalog.count(*) FROM ONLY {qualified(table)}"  # noqa: S608 - quoted there
    if kind == "S":
        query += f" WHERE is_called OR last_value <> {start}"
    else:
        # The condition is the extension's own SQL, which pg_dump runs in the same way.
        query += f" {condition or ''}"
    counted = connection.execute(query.encode()).fetchone() if may_read else None
    return MemberRows(
        extension=str(extension),
        name=table,
        kind=str(kind),
        rows=int(str(counted[0])) if counted is not None else None,
        is_configuration=bool(is_configuration),
    )
