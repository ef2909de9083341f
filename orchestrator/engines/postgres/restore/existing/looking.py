"""What replacing would change, found out without a lock that others could feel."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from orchestrator.engines.postgres.backup.properties import read_identity
from orchestrator.engines.postgres.backup.tables.relations import (
    Relation,
    read_columns,
    read_relations,
)
from orchestrator.engines.postgres.identifiers import qualified
from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.engines.postgres.restore.existing.foreign_keys import (
    ForeignKey,
    neighbours_of,
    read_foreign_keys,
)
from orchestrator.engines.postgres.restore.existing.members import Members, find_members
from orchestrator.engines.postgres.restore.existing.privileges import missing_privileges
from orchestrator.engines.postgres.restore.existing.sequences import (
    FoundSequence,
    behind,
    find_sequences,
)
from orchestrator.engines.postgres.restore.existing.triggers import read_what_speaks
from orchestrator.model.contents import Column, SkippedEntry, TableName
from orchestrator.ports.restoring.existing_database import ReplacementPlan, TableNow, Wanted

_PUBLISHED = """
SELECT n.nspname || '.' || c.relname || ' in publication ' || t.pubname
FROM pg_catalog.pg_publication_tables t
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
WHERE c.oid = ANY (%s::pg_catalog.oid[]) ORDER BY 1
"""

_MATERIALIZED = """
WITH RECURSIVE reads(oid) AS (
  SELECT unnest(%s::pg_catalog.oid[])
  UNION SELECT w.ev_class FROM reads
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass
   AND d.refobjid = reads.oid AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid)
SELECT n.nspname, c.relname FROM reads JOIN pg_catalog.pg_class c USING (oid)
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm' ORDER BY 1, 2
"""

_ENCODING = """
SELECT pg_catalog.pg_encoding_to_char(encoding) FROM pg_catalog.pg_database
WHERE datname = pg_catalog.current_database()
"""
_SQL_ASCII = "SQL_ASCII"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is there now, as far as a replacement touches it.

    ``neighbours`` are tables outside the set that a foreign key joins to it.
    """

    members: Members
    keys: tuple[ForeignKey, ...]
    neighbours: tuple[Relation, ...]
    sequences: tuple[FoundSequence, ...]
    gone_sequences: tuple[str, ...]

    @property
    def locked(self) -> tuple[Relation, ...]:
        """Every table that must not change meanwhile."""
        return (*self.members.all, *self.neighbours)

    @property
    def oids(self) -> list[int]:
        """Their object ids."""
        return [relation.oid for relation in self.locked]


def find(connection: Connection, wanted: Wanted) -> Found:
    """Return what the connection sees now."""
    members = find_members(connection, wanted)
    keys = read_foreign_keys(connection, members.oids)
    sequences, gone = find_sequences(connection, members.oids, wanted)
    return Found(
        members=members,
        keys=keys,
        neighbours=_neighbours(connection, members, keys),
        sequences=tuple(sequences),
        gone_sequences=tuple(gone),
    )


def _neighbours(
    connection: Connection, members: Members, keys: Sequence[ForeignKey]
) -> tuple[Relation, ...]:
    """Return what taking the keys away would lock besides the set: a key reaches into partitions."""
    relations = read_relations(connection)
    reached = set(neighbours_of(keys)) | {relation.name for relation in members.ancestors}
    while (
        below := {child for child, parents in relations.parents.items() if reached & set(parents)}
        - reached
    ):
        reached |= below
    reached -= {relation.name for relation in members.all}
    # A foreign table takes part in no key, and the server has no lock for it.
    return tuple(one for one in relations.tables if one.name in reached and one.kind != "f")


def plan(connection: Connection, wanted: Wanted) -> ReplacementPlan:
    """Return in words what replacing would change."""
    found = find(connection, wanted)
    members = found.members
    columns = read_columns(connection, [relation.oid for relation in members.replaced])
    encoding_differs, encoding_is_in_the_way = _compare_encodings(connection, wanted.encoding)
    speaking = read_what_speaks(connection, members.oids)
    lacking = missing_privileges(connection, members, found.keys, speaking, found.sequences)
    return ReplacementPlan(
        identity=read_identity(connection),
        tables=tuple(
            _now(connection, relation, columns[relation.oid]) for relation in members.replaced
        ),
        neighbours=tuple(relation.name for relation in found.neighbours),
        foreign_keys=tuple(map(str, found.keys)),
        triggers=tuple(map(str, speaking.triggers)),
        sequences=tuple(
            f"{one.name} will go on at {one.next_then}"
            for one in behind(connection, () if lacking else found.sequences)
        ),
        differences=(
            *members.kept,
            *members.differences,
            *found.gone_sequences,
            *encoding_differs,
        ),
        losses=members.losses,
        published=read_published(connection, members.oids),
        stale=read_stale(connection, members.oids),
        obstacles=(*members.obstacles, *encoding_is_in_the_way, *_in_words(lacking)),
    )


def _in_words(lacking: Sequence[str]) -> tuple[str, ...]:
    if not lacking:
        return ()
    return (
        "the restoring role may not do it: let source.restore_url name the owner of the tables, or"
        " run in that database as a superuser: " + " ".join(lacking),
    )


def _now(connection: Connection, relation: Relation, columns: tuple[Column, ...]) -> TableNow:
    # The name is quoted by qualified().
    query = f"SELECT pg_catalog.count(*) FROM ONLY {qualified(relation.name)}"  # noqa: S608
    rows: int | None = None
    try:
        row = connection.execute(query.encode()).fetchone()
        rows = None if row is None else int(str(row[0]))
    except psycopg.errors.InsufficientPrivilege:
        # Row-level security would hide some; the replacement itself lifts it for its time.
        rows = None
    return TableNow(name=relation.name, columns=columns, rows=rows)


def read_published(connection: Connection, oids: Sequence[int]) -> tuple[str, ...]:
    """Return in words which of these tables subscribers follow."""
    return tuple(str(words) for (words,) in connection.execute(_PUBLISHED, [list(oids)]))


def read_stale(connection: Connection, oids: Sequence[int]) -> tuple[SkippedEntry, ...]:
    """Return the materialized views that show rows of these tables, however indirectly."""
    names = [TableName(str(s), str(n)) for s, n in connection.execute(_MATERIALIZED, [list(oids)])]
    return tuple(
        SkippedEntry(
            kind="MATERIALIZED VIEW",
            name=str(name),
            reason=f"it shows the old rows until REFRESH MATERIALIZED VIEW {qualified(name)}",
        )
        for name in names
    )


def _compare_encodings(connection: Connection, then: str) -> tuple[list[str], list[str]]:
    """Return the difference in words, as a harmless one or as an obstacle."""
    row = connection.execute(_ENCODING).fetchone()
    now = then if row is None else str(row[0])
    if now == then:
        return [], []
    words = f"the database has the encoding {now}, and the backup {then}"
    if _SQL_ASCII in (now, then):
        return [], [words]
    return [f"{words}: values are converted, or refused"], []
