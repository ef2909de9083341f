"""May this role replace the tables? Asked before anything is locked; every remedy is ready SQL.

Whoever takes a foreign key or a trigger away must own the table; for a table without any, a few
privileges are enough.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.restore.existing.foreign_keys import ForeignKey
from orchestrator.engines.postgres.restore.existing.members import Members
from orchestrator.engines.postgres.restore.existing.sequences import FoundSequence, behind
from orchestrator.engines.postgres.restore.existing.triggers import Silenced
from orchestrator.model.contents import TableName

_HELD = """
SELECT n.nspname, c.relname, pg_catalog.pg_get_userbyid(c.relowner),
       pg_catalog.pg_has_role(c.relowner, 'USAGE'),
       pg_catalog.has_schema_privilege(n.oid, 'USAGE'),
       CASE WHEN c.relkind = 'S' THEN
         CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') THEN '{}'::text[]
              ELSE '{SELECT}' END
       ELSE array(SELECT p FROM unnest('{SELECT,INSERT,UPDATE,TRUNCATE,REFERENCES}'::text[]) p
         WHERE NOT pg_catalog.has_table_privilege(c.oid, p)) END,
       c.relkind IN ('r', 'p') AND pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::pg_catalog.oid[]) ORDER BY 1, 2
"""
_NAMED = """
SELECT c.oid::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN unnest(%s::text[], %s::text[]) AS w(nspname, relname)
  ON w.nspname = n.nspname AND w.relname = c.relname WHERE c.relkind IN ('r', 'p', 'S')
"""
_REPLACE = frozenset({"SELECT", "INSERT", "TRUNCATE"})
_LOCK = frozenset({"UPDATE"})  # the least that lets a table be locked against writers
_REFER = frozenset({"SELECT", "UPDATE", "REFERENCES"})


@dataclass(frozen=True, slots=True)
class _Held:
    """What the role has and lacks on one table or sequence."""

    name: TableName
    owner: str
    is_owner: bool
    may_use_schema: bool
    lacks: frozenset[str]
    is_filtered: bool


def missing_privileges(
    connection: Connection,
    members: Members,
    keys: Sequence[ForeignKey],
    silenced: Silenced,
    sequences: Sequence[FoundSequence],
) -> list[str]:
    """Return the statements that would let the session's role replace the tables; none if it may."""
    role = quote_identifier(_current_user(connection))
    altered = {one.table for one in silenced.triggers} | set(silenced.forced)
    altered |= {key.table for key in keys}
    needed = {relation.name: _REPLACE for relation in members.replaced}
    needed |= {relation.name: _LOCK for relation in members.ancestors}
    for key in keys:
        if not key.to_set:
            needed[key.referenced] = _REFER
    oids = [*members.oids, *_oids_of(connection, {*needed, *altered} - _names(members))]
    statements: list[str] = []
    for held in _read(connection, oids):
        statements += _statements(
            held, needed.get(held.name, _LOCK), role, is_altered=held.name in altered
        )
    statements += _for_sequences(connection, sequences, role)
    return sorted(set(statements))


def _current_user(connection: Connection) -> str:
    row = connection.execute("SELECT current_user").fetchone()
    return "" if row is None else str(row[0])


def _names(members: Members) -> set[TableName]:
    return {relation.name for relation in members.all}


def _oids_of(connection: Connection, names: set[TableName]) -> list[int]:
    columns = [[name.schema for name in names], [name.name for name in names]]
    return [int(str(oid)) for (oid,) in connection.execute(_NAMED, columns)]


def _read(connection: Connection, oids: Sequence[int]) -> Iterator[_Held]:
    for schema, name, owner, is_owner, usage, lacks, filtered in connection.execute(
        _HELD, [list(oids)]
    ):
        yield _Held(
            name=TableName(str(schema), str(name)),
            owner=str(owner),
            is_owner=bool(is_owner),
            may_use_schema=bool(usage),
            lacks=frozenset(map(str, lacks)) if isinstance(lacks, list) else frozenset(),
            is_filtered=bool(filtered),
        )


def _statements(
    held: _Held, needed: frozenset[str], role: str, *, is_altered: bool
) -> Iterator[str]:
    if not held.may_use_schema:
        yield f"GRANT USAGE ON SCHEMA {quote_identifier(held.name.schema)} TO {role};"
    if held.is_owner:
        return
    if is_altered:
        yield f"GRANT {quote_identifier(held.owner)} TO {role};"
        return
    if missing := sorted(needed & held.lacks):
        yield f"GRANT {', '.join(missing)} ON TABLE {qualified(held.name)} TO {role};"
    if held.is_filtered:
        yield f"ALTER ROLE {role} BYPASSRLS;"


def _for_sequences(
    connection: Connection, sequences: Sequence[FoundSequence], role: str
) -> Iterator[str]:
    names = {sequence.name: sequence for sequence in sequences}
    for held in _read(connection, _oids_of(connection, set(names))):
        if not held.may_use_schema:
            yield f"GRANT USAGE ON SCHEMA {quote_identifier(held.name.schema)} TO {role};"
        elif held.lacks:
            yield f"GRANT SELECT ON SEQUENCE {qualified(held.name)} TO {role};"
        elif not held.is_owner and [*behind(connection, [names[held.name]])]:
            yield f"GRANT {quote_identifier(held.owner)} TO {role};"
