"""Users' triggers: off while rows are replaced, then each in exactly its former state."""

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from orchestrator.engines.postgres.identifiers import qualified, quote_identifier
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.restore.existing.foreign_keys import STATES
from orchestrator.model.contents import TableName

# Before version 15 the server marks a partition's copy of its parent's trigger as internal.
_TRIGGERS = """
SELECT n.nspname, c.relname, t.tgname, t.tgenabled::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint
WHERE t.tgrelid = ANY (%s::pg_catalog.oid[])
  AND (NOT t.tgisinternal OR t.tgparentid <> 0 AND coalesce(k.contype, 't') = 't')
ORDER BY 1, 2, 3
"""

_FORCED = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY (%s::pg_catalog.oid[]) AND c.relforcerowsecurity ORDER BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A trigger and its state: O, D, R or A, as pg_trigger.tgenabled has it."""

    table: TableName
    name: str
    state: str

    @override
    def __str__(self) -> str:
        return f"{self.name} of {self.table}"


@dataclass(frozen=True, slots=True)
class Silenced:
    """What `silence` switched off: triggers, and the tables that force row-level security."""

    triggers: tuple[Trigger, ...]
    forced: tuple[TableName, ...]


def read_triggers(connection: Connection, oids: Sequence[int]) -> tuple[Trigger, ...]:
    """Return the users' triggers of these tables."""
    return tuple(
        Trigger(TableName(str(schema), str(table)), str(name), str(state))
        for schema, table, name, state in connection.execute(_TRIGGERS, [list(oids)])
    )


def read_what_speaks(connection: Connection, oids: Sequence[int]) -> Silenced:
    """Return what `silence` would switch off."""
    triggers = tuple(one for one in read_triggers(connection, oids) if one.state != "D")
    forced = tuple(
        TableName(str(schema), str(table))
        for schema, table in connection.execute(_FORCED, [list(oids)])
    )
    return Silenced(triggers, forced)


def silence(connection: Connection, oids: Sequence[int]) -> Silenced:
    """Switch off whatever would act on rows, or hide them from the tables' owner."""
    speaking = read_what_speaks(connection, oids)
    for trigger in speaking.triggers:
        _switch(connection, trigger, "D")
    for table in speaking.forced:
        connection.execute(_force(table, "NO FORCE"))
    return speaking


def give_voice(connection: Connection, silenced: Silenced) -> None:
    """Bring everything back into its former state."""
    for trigger in silenced.triggers:
        _switch(connection, trigger, trigger.state)
    for table in silenced.forced:
        connection.execute(_force(table, "FORCE"))


def _switch(connection: Connection, trigger: Trigger, state: str) -> None:
    statement = (
        f"ALTER TABLE ONLY {qualified(trigger.table)} {STATES[state]}"
        f" {quote_identifier(trigger.name)}"
    )
    connection.execute(statement.encode())


def _force(table: TableName, word: str) -> bytes:
    return f"ALTER TABLE ONLY {qualified(table)} {word} ROW LEVEL SECURITY".encode()
