"""What a schema archive of pg_dump says, object by object, without a server."""

import re
from collections.abc import Iterator, Sequence

from typing_extensions import override

from orchestrator.engines.postgres.describing.sql_lists import (
    bracketed_list,
    leading_name,
    without_needless_quotes,
)
from orchestrator.engines.postgres.restore.schema.archive_contents import (
    ArchiveEntry,
    read_archive_contents,
)
from orchestrator.engines.postgres.restore.schema.entry_classes import Step, step_of
from orchestrator.model.contents import TableName
from orchestrator.planning.comparison.schema import SchemaDescription, SchemaEntry
from orchestrator.ports.engine import SchemaReader

_TABLE = re.compile(r"CREATE (?:UNLOGGED |FOREIGN )?TABLE ")
_CONSTRAINT_KEY = re.compile(
    r"ADD CONSTRAINT (?:\"(?:[^\"]|\"\")*\"|\S+) (PRIMARY KEY|UNIQUE)[^(]*"
)
_INDEX_KEY = re.compile(r"CREATE (UNIQUE) INDEX .*? USING btree ", re.DOTALL)
# pg_dump writes the comment that every database begins with only if it quotes all names.
_INITIAL_COMMENT = "COMMENT ON SCHEMA public IS 'standard public schema'"
# The strongest promise first: a unique index may hold rows whose key is NULL, a primary key not.
_RANKS = ("PRIMARY KEY", "UNIQUE", "INDEX")


class PostgresSchemaReader(SchemaReader):
    """Reads archives that pg_dump of PostgreSQL 14 to 18 wrote in custom format."""

    @override
    def describe(self, archive: bytes) -> SchemaDescription:
        contents = read_archive_contents(archive)
        return SchemaDescription(
            entries=tuple(
                SchemaEntry(
                    kind=entry.kind,
                    name=without_needless_quotes(str(entry)),
                    parts=dict(_parts(entry)),
                )
                for entry in contents.entries
                if step_of(entry) is not Step.NEVER and _definition(entry) != _INITIAL_COMMENT
            ),
            keys=_keys(contents.entries),
            written_by=f"pg_dump {contents.dumped_by}",
        )


def _parts(entry: ArchiveEntry) -> Iterator[tuple[str, str]]:
    definition = _definition(entry)
    if entry.kind == "TABLE":
        yield from _parts_of_table(definition)
    elif definition:
        yield "definition", definition
    if entry.owner is not None:
        yield "owner", entry.owner
    if entry.tablespace is not None:
        yield "tablespace", entry.tablespace


def _definition(entry: ArchiveEntry) -> str:
    text = entry.definition.decode("utf-8", "surrogateescape")
    return without_needless_quotes(text.strip().removesuffix(";"))


def _parts_of_table(definition: str) -> Iterator[tuple[str, str]]:
    """Yield columns and constraints each on its own; what cannot be cut is given in whole."""
    try:
        items, rest = bracketed_list(definition, definition.index(" (\n") + 1)
    except ValueError:
        yield "definition", definition
        return
    for item in items:
        is_constraint = item.startswith("CONSTRAINT ")
        named = leading_name(item.removeprefix("CONSTRAINT "))
        if named is None:
            yield item, ""
        else:
            yield f"{'constraint' if is_constraint else 'column'} {named[0]}", named[1]
    persistence = _TABLE.match(definition)
    yield "kind", persistence[0].strip() if persistence else "CREATE TABLE"
    if rest.strip():
        yield "options", " ".join(rest.split())


def _keys(entries: Sequence[ArchiveEntry]) -> dict[TableName, tuple[str, ...]]:
    """Return the columns of the best key of each table that has one."""
    tables = {
        entry.dump_id: TableName(entry.schema or "", entry.name)
        for entry in entries
        if entry.kind == "TABLE"
    }
    found: dict[TableName, tuple[int, tuple[str, ...]]] = {}
    for entry in entries:
        key = _key_of(entry)
        for table in (tables[number] for number in entry.dependencies if number in tables):
            if key is not None and key[0] < found.get(table, (len(_RANKS), ()))[0]:
                found[table] = key
    return {table: columns for table, (_, columns) in found.items()}


def _key_of(entry: ArchiveEntry) -> tuple[int, tuple[str, ...]] | None:
    """Return rank and columns of what keeps rows apart, or None if this entry does not."""
    pattern = {"CONSTRAINT": _CONSTRAINT_KEY, "INDEX": _INDEX_KEY}.get(entry.kind)
    definition = _definition(entry)
    match = pattern.search(definition) if pattern else None
    if match is None:
        return None
    columns, rest = bracketed_list(definition, match.end())
    named = [leading_name(column) for column in columns]
    # An index of expressions or with a condition keeps only some rows apart.
    if " WHERE " in rest or any(name is None or name[1] for name in named):
        return None
    rank = _RANKS.index("INDEX" if entry.kind == "INDEX" else match[1])
    return rank, tuple(name[0] for name in named if name is not None)
