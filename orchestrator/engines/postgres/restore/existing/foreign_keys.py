"""Foreign keys that lead to or from the tables: taken away, and brought back as they were.

Only root constraints are touched: those of partitions come and go with them. A key that was valid
is checked against every row again; one that was NOT VALID stays so (reference/postgres.md §2, row 19).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.identifiers import qualified, quote_identifier, quote_literal
from orchestrator.engines.postgres.restore.access import Connection, server_words
from orchestrator.errors import RestoreError
from orchestrator.model.contents import TableName

_KEYS = """
SELECT k.conname, n.nspname, c.relname, rn.nspname, r.relname,
       pg_catalog.pg_get_constraintdef(k.oid), pg_catalog.obj_description(k.oid, 'pg_constraint'),
       c.oid = ANY (%(oids)s::pg_catalog.oid[]), r.oid = ANY (%(oids)s::pg_catalog.oid[])
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_class r ON r.oid = k.confrelid
JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
  AND (c.oid = ANY (%(oids)s::pg_catalog.oid[]) OR r.oid = ANY (%(oids)s::pg_catalog.oid[]))
ORDER BY n.nspname, c.relname, k.conname
"""

# What the server made for each key, partitions' included: whom it serves there, and whether it fires.
_FIRING = """
SELECT t.tgrelid::bigint, n.nspname, c.relname, t.tgname, t.tgfoid::bigint,
       t.tgconstrrelid::bigint, t.tgenabled::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint AND k.contype = 'f'
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgisinternal AND (t.tgrelid = ANY (%(oids)s::pg_catalog.oid[])
                          OR t.tgconstrrelid = ANY (%(oids)s::pg_catalog.oid[]))
ORDER BY 1, 4
"""

STATES = {
    "O": "ENABLE TRIGGER",
    "D": "DISABLE TRIGGER",
    "R": "ENABLE REPLICA TRIGGER",
    "A": "ENABLE ALWAYS TRIGGER",
}
"""What brings a trigger into each state of pg_trigger.tgenabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key; ``definition`` is the server's, with NOT VALID where it is not validated.

    ``from_set`` and ``to_set`` say which of its ends is among the tables that are replaced.
    """

    name: str
    table: TableName
    referenced: TableName
    definition: str
    comment: str | None
    from_set: bool
    to_set: bool

    @override
    def __str__(self) -> str:
        return f"{self.name} of {self.table} to {self.referenced}"


# The state of a key's trigger that does not fire as usual, found again by table, function and
# other table: its name changes when the key is made anew.
_Firing = dict[tuple[int, int, int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenKeys:
    """What `take_away` took, for `bring_back`."""

    keys: tuple[ForeignKey, ...]
    unusual: _Firing


def read_foreign_keys(connection: Connection, oids: Sequence[int]) -> tuple[ForeignKey, ...]:
    """Return every root foreign key that has an end among these tables."""
    return tuple(
        ForeignKey(
            name=str(name),
            table=TableName(str(schema), str(table)),
            referenced=TableName(str(other_schema), str(other)),
            definition=str(definition),
            comment=None if comment is None else str(comment),
            from_set=bool(from_set),
            to_set=bool(to_set),
        )
        for (
            name, schema, table, other_schema, other, definition, comment, from_set, to_set,
        ) in connection.execute(_KEYS, {"oids": list(oids)})
    )  # fmt: skip


def neighbours_of(keys: Sequence[ForeignKey]) -> tuple[TableName, ...]:
    """Return the tables outside the set at the other end of the keys."""
    outside = {key.table for key in keys if not key.from_set}
    outside |= {key.referenced for key in keys if not key.to_set}
    return tuple(sorted(outside))


def take_away(connection: Connection, oids: Sequence[int]) -> TakenKeys:
    """Drop the keys, remembering which of their triggers somebody had switched."""
    keys = read_foreign_keys(connection, oids)
    unusual = {place: state for place, _, state in _read_firing(connection, oids) if state != "O"}
    for key in keys:
        statement = (
            f"ALTER TABLE {qualified(key.table)} DROP CONSTRAINT {quote_identifier(key.name)}"
        )
        connection.execute(statement.encode())
    return TakenKeys(keys=keys, unusual=unusual)


def bring_back(connection: Connection, oids: Sequence[int], taken: TakenKeys) -> None:
    """Make every key again, checked against every row if it was valid.

    Raises:
        RestoreError: rows would be orphaned; every key that fails is named, with an example.
    """
    orphans = [words for key in taken.keys if (words := _add(connection, key)) is not None]
    if orphans:
        raise RestoreError(
            f"rows would be orphaned: {'; '.join(orphans)}",
            next_step="restore the tables at both ends together, or remove the orphans first",
        )
    for place, trigger, state in _read_firing(connection, oids):
        former = taken.unusual.get(place, "O")
        if former != state:
            connection.execute(f"{trigger.format(STATES[former])}".encode())


def _add(connection: Connection, key: ForeignKey) -> str | None:
    table, name = qualified(key.table), quote_identifier(key.name)
    statements = [f"ALTER TABLE {table} ADD CONSTRAINT {name} {key.definition}"]
    if key.comment is not None:
        comment = quote_literal(key.comment)
        statements.append(f"COMMENT ON CONSTRAINT {name} ON {table} IS {comment}")
    try:
        with connection.transaction():
            for statement in statements:
                connection.execute(statement.encode())
    except psycopg.errors.ForeignKeyViolation as error:
        return f"{key}: {server_words(error)}"
    return None


def _read_firing(
    connection: Connection, oids: Sequence[int]
) -> list[tuple[tuple[int, int, int], str, str]]:
    """Return each trigger's place, the statement that switches it (to be filled in), its state."""
    found = []
    for table, schema, name, trigger, function, other, state in connection.execute(
        _FIRING, {"oids": list(oids)}
    ):
        place = (int(str(table)), int(str(function)), int(str(other)))
        relation = _braced(qualified(TableName(str(schema), str(name))))
        switch = f"ALTER TABLE ONLY {relation} {{}} {_braced(quote_identifier(str(trigger)))}"
        found.append((place, switch, str(state)))
    return found


def _braced(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
