"""The entries that chosen tables need, and what of theirs cannot come along.

Everything that is no relation comes: types, functions, extensions. Of relations only the chosen
tables, all partitions of those that are partitioned, what they inherit from or otherwise build on,
and their sequences; and nothing that builds on another one.
Never ``pg_restore -t``, which brings tables without constraints and triggers and ends with 0
(reference/postgres.md §2, rows 8 and 9).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.engines.postgres.restore.schema.partitions import ATTACHED, partition_entries
from orchestrator.model.contents import WITHOUT_ROWS, SkippedEntry, TableName

_RELATIONS = frozenset({"TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE"})

# They act by themselves, or on tables that are not there.
_OF_THE_WHOLE = frozenset(
    {
        "PUBLICATION",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "SUBSCRIPTION",
        "SUBSCRIPTION TABLE",
        "EVENT TRIGGER",
    }
)

# A partition's index names the index above it, which attaching alone needs.
_INDEXES = frozenset({"INDEX", "CONSTRAINT"})

# They come with the table that uses them.
_SERVING = frozenset({"SEQUENCE", "DEFAULT"})

_BELONGING = frozenset(
    {"FK CONSTRAINT", "CONSTRAINT", "CHECK CONSTRAINT", "TRIGGER", "POLICY", "RULE", "DEFAULT"}
)


def choose_entries(
    entries: Sequence[ArchiveEntry], tables: Collection[TableName]
) -> tuple[list[ArchiveEntry], list[SkippedEntry]]:
    """Return the entries of these tables with all that they need, and what is left out.

    That is what belongs to them and cannot come, and the rows of tables that come because of them.
    """
    by_number = {entry.dump_id: entry for entry in entries}
    asked = _asked(entries, by_number, tables)
    needed = _needed(entries, by_number, asked)
    absent = {
        entry.dump_id
        for entry in entries
        if (entry.kind in _RELATIONS and entry.dump_id not in needed) or entry.kind in _OF_THE_WHOLE
    }
    _spread(entries, absent)
    kept = [entry for entry in entries if entry.dump_id not in absent]
    names = {(entry.schema, entry.name): entry for entry in kept if entry.kind == "TABLE"}
    lost = [entry for entry in entries if entry.dump_id in absent and _belongs(entry, names)]
    above = {one.dump_id for _, one in partition_entries(kept, by_number)}
    brought = (e for e in kept if e.dump_id in needed - asked and e.kind == "TABLE")
    needing = [e for e in kept if e.dump_id in needed and e.kind not in _SERVING]
    without_rows = [_without_rows(e, needing, is_above=e.dump_id in above) for e in brought]
    return kept, [*without_rows, *(_explained(entry, by_number, absent) for entry in lost)]


def _asked(
    entries: Sequence[ArchiveEntry],
    by_number: Mapping[int, ArchiveEntry],
    tables: Collection[TableName],
) -> set[int]:
    """Return the tables themselves, with the partitions of every level: they may be without rows."""
    wanted = {(name.schema, name.name) for name in tables}
    found = {e.dump_id for e in entries if e.kind == "TABLE" and (e.schema, e.name) in wanted}
    pairs = [(b.dump_id, a.dump_id) for b, a in partition_entries(entries, by_number)]
    while more := {below for below, above in pairs if above in found} - found:
        found |= more
    return found


def _needed(
    entries: Sequence[ArchiveEntry],
    by_number: Mapping[int, ArchiveEntry],
    asked: Collection[int],
) -> set[int]:
    needed = _with_foundations((by_number[number] for number in asked), by_number)
    while True:
        own = [e for e in entries if e.dump_id not in needed and _serves(e, needed, by_number)]
        if not own:
            return needed
        needed |= _with_foundations(own, by_number)


def _serves(
    entry: ArchiveEntry, needed: Collection[int], by_number: Mapping[int, ArchiveEntry]
) -> bool:
    """Whether it is a sequence of a needed table, or a default of one, which may need another."""
    if entry.kind not in _SERVING:
        return False
    above = [n for n in entry.dependencies if n in by_number and by_number[n].kind == "TABLE"]
    return bool(above) and all(number in needed for number in above)


def _with_foundations(
    entries: Iterable[ArchiveEntry], by_number: Mapping[int, ArchiveEntry]
) -> set[int]:
    found: set[int] = set()
    pending = [entry.dump_id for entry in entries]
    while pending:
        number = pending.pop()
        if number not in found and number in by_number:
            found.add(number)
            pending.extend(by_number[number].dependencies)
    return found


def _spread(entries: Sequence[ArchiveEntry], absent: set[int]) -> None:
    """Add everything that builds, directly or not, on what is absent."""
    kinds = {entry.dump_id: entry.kind for entry in entries}
    while True:
        more = {
            entry.dump_id
            for entry in entries
            if entry.dump_id not in absent and any(n in absent for n in _real(entry, kinds))
        }
        if not more:
            return
        absent |= more


def _real(entry: ArchiveEntry, kinds: Mapping[int, str]) -> Iterator[int]:
    for number in entry.dependencies:
        if not (entry.kind in _INDEXES and kinds.get(number) in _INDEXES):
            yield number


def _belongs(entry: ArchiveEntry, tables: Mapping[tuple[str | None, str], ArchiveEntry]) -> bool:
    if entry.kind == ATTACHED:
        return (entry.schema, entry.name) in tables
    if entry.kind == "INDEX":
        present = {table.dump_id for table in tables.values()}
        return any(number in present for number in entry.dependencies)
    return entry.kind in _BELONGING and any(
        schema == entry.schema and entry.name.startswith(f"{name} ") for schema, name in tables
    )


def _explained(
    entry: ArchiveEntry, by_number: Mapping[int, ArchiveEntry], absent: Collection[int]
) -> SkippedEntry:
    others = sorted(
        {
            str(by_number[number])
            for number in entry.dependencies
            if number in absent and by_number[number].kind in _RELATIONS
        }
    )
    reason = f"it needs {', '.join(others) or 'what'}, which was not asked for"
    if entry.kind == ATTACHED:
        reason += "; it is a table of its own, without the keys and triggers of the whole"
    return SkippedEntry(kind=entry.kind, name=str(entry), reason=reason)


def _without_rows(
    entry: ArchiveEntry, needing: Iterable[ArchiveEntry], *, is_above: bool
) -> SkippedEntry:
    who = sorted({str(one) for one in needing if entry.dump_id in one.dependencies})
    how = "with the chosen partitions alone" if is_above else "empty"
    reason = (
        f"it comes along {how}, because {', '.join(who)} {'needs' if len(who) == 1 else 'need'} it"
    )
    return SkippedEntry(kind=WITHOUT_ROWS.upper(), name=str(entry), reason=reason)
