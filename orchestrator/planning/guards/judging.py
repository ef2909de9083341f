"""Compares what a backup holds with the last unsuspicious one of its series (design §7).

Always on: a table emptied or gone; half of the rows, of the tables or of the size gone; rows that
suddenly hardly compress (F42: somebody encrypted them); another server or database, or an old node
of the same cluster (F41). A
policy's ``guards`` add limits for single tables. A table with a ``max_drop`` of its own is judged
by that alone: it may be emptied if that says 100 %, and does not count in the totals.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from orchestrator.model.backup import Backup
from orchestrator.model.contents import Details, TableName, ancestors_of
from orchestrator.model.policy import MAX_STANDBY_LAG, Guard
from orchestrator.planning.guards.inventory import Inventory, Size, take_inventory, total
from orchestrator.planning.guards.lineage import lineage_of

COMPRESSIBILITY_JUMP = 30
"""Percentage points of stored bytes per byte of text; more is suspicious (F42)."""
TELLING_TEXT = 1024 * 1024
"""Bytes of text from which on compressibility says something."""
NAMES_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The last unsuspicious backup; ``details`` None if no copy of them could be read.

    ``swapped_in`` are the databases, as system identifier and oid, that ``restore --swap`` has put
    in the place of the source since then. ``standby_lag`` is how far a standby may be behind.
    """

    backup: Backup
    details: Details | None
    swapped_in: frozenset[tuple[str, int]] = frozenset()
    standby_lag: timedelta = MAX_STANDBY_LAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Why a backup is suspicious (nothing if it is not), and what could not be judged."""

    reasons: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Comparison:
    """What there was and what there is; tables that the policy no longer selects are left out."""

    was: Inventory
    now: Inventory
    guards: Sequence[Guard]
    since: str

    @property
    def judged_alone(self) -> frozenset[TableName]:
        return frozenset(guard.table for guard in self.guards if guard.max_drop is not None)


def judge(details: Details, reference: Reference | None, guards: Sequence[Guard]) -> Judgement:
    """Given what a new backup holds, return what is suspicious about it.

    Without a reference only ``min_rows`` can be judged. Of one without details the totals that the
    catalog remembers are compared, and a note says that no more could be.
    """
    now = take_inventory(details, details.parents)
    reasons = [*_too_few_rows(now, guards)]
    notes: list[str] = []
    if reference is not None and reference.details is None:
        reasons += _totals_gone(details, now, reference.backup)
        notes.append(
            f"the details of {reference.backup.id} cannot be read: single tables and the identity"
            " of the server were not compared with it"
        )
    elif reference is not None and reference.details is not None:
        source = _judge_source(details, reference, reference.details)
        was, unselected = _inventory_then(details, reference.details)
        comparison = _Comparison(was=was, now=now, guards=guards, since=reference.backup.id)
        reasons += (*source.reasons, *_losses(comparison))
        notes += source.notes
        if unselected:
            notes.append(f"no longer backed up, as the policy says: {_names(unselected)}")
        notes += _idle_guards(comparison)
    return Judgement(reasons=tuple(reasons), notes=tuple(notes))


def _losses(comparison: _Comparison) -> Iterator[str]:
    yield from _gone(comparison)
    yield from _emptied(comparison)
    yield from _halved(comparison)
    yield from _dropped(comparison)
    yield from _incompressible(comparison)


# ------------------------------------------------------------------ the source
def _judge_source(details: Details, reference: Reference, was: Details) -> Judgement:
    """Say whether server and database are those of before, and still have what they had."""
    since = reference.backup.id
    reasons: list[str] = []
    notes: list[str] = []
    if _was_swapped_in(details, reference):
        notes.append(
            "the database is another one than before: `restore --swap` put it there"
            f" (oid {details.identity.database_oid})"
        )
    else:
        reasons += _other_source(details, was, since=since)
    lineage = lineage_of(details, was, since=since, standby_lag=reference.standby_lag)
    if lineage is not None:
        reasons += lineage.reasons()
        notes += lineage.notes()
    return Judgement(reasons=tuple(reasons), notes=tuple(notes))


def _was_swapped_in(details: Details, reference: Reference) -> bool:
    now = details.identity
    return (now.system_identifier, now.database_oid) in reference.swapped_in


def _other_source(details: Details, was: Details, *, since: str) -> Iterator[str]:
    new, old = details.identity, was.identity
    if new.system_identifier != old.system_identifier:
        yield (
            f"the rows come from another server: system identifier {new.system_identifier},"
            f" in {since} {old.system_identifier}"
        )
    elif new.database_oid != old.database_oid:
        yield (
            "the database is another one of the same name:"
            f" oid {new.database_oid}, in {since} {old.database_oid}"
        )


# ------------------------------------------------------------------ whole tables
def _gone(comparison: _Comparison) -> Iterator[str]:
    was, now = comparison.was, comparison.now
    gone = [name for name in was.tables if now.find(name) is None]
    if gone:
        yield f"gone since {comparison.since}: {_count(gone)} {_names(gone)}"
    if _is_half_gone(len(was.tables), len(was.tables) - len(gone)):
        yield f"{len(gone)} of {len(was.tables)} tables are gone since {comparison.since}"


def _emptied(comparison: _Comparison) -> Iterator[str]:
    was, now = comparison.was, comparison.now
    emptied = [
        name
        for name, size in was.tables.items()
        if name not in comparison.judged_alone and _is_emptied(size, now.find(name))
    ]
    if emptied:
        yield f"emptied since {comparison.since}: {_count(emptied)} {_names(emptied)}"
    if _is_emptied(was.large_objects, now.large_objects):
        yield f"all large objects are gone since {comparison.since}"


def _is_emptied(was: Size, now: Size | None) -> bool:
    return now is not None and was.rows > 0 and now.rows == 0


# ------------------------------------------------------------------ totals
def _halved(comparison: _Comparison) -> Iterator[str]:
    was, now = (
        [size for name, size in inventory.tables.items() if name not in comparison.judged_alone]
        for inventory in (comparison.was, comparison.now)
    )
    if _is_half_gone(total(was).rows, total(now).rows):
        yield _say_rows_gone(comparison, total(was).rows, total(now).rows)
    yield from _half_of(
        "bytes of text",
        total([*was, comparison.was.large_objects]).text_bytes,
        total([*now, comparison.now.large_objects]).text_bytes,
        since=comparison.since,
    )


def _say_rows_gone(comparison: _Comparison, was: int, now: int) -> str:
    """Name the table that lost most of them."""
    here = comparison.now
    kept = {name: size.rows for name in comparison.was.tables if (size := here.find(name))}
    lost = {
        name: size.rows - kept.get(name, 0)
        for name, size in comparison.was.tables.items()
        if name not in comparison.judged_alone
    }
    most = max(lost, key=lambda name: (lost[name], str(name)))
    all_tables = "" if len(lost) == 1 else f"; all {len(lost)} tables together {now:,} of {was:,}"
    return (
        f"table {most} has {_rows(kept.get(most, 0))}; the last"
        f" good backup before ({comparison.since}) had {comparison.was.tables[most].rows:,}"
        f"{all_tables}: half or more are gone"
    )


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _totals_gone(details: Details, now: Inventory, backup: Backup) -> Iterator[str]:
    """Compare with what the catalog remembers of a backup whose details cannot be read."""
    size = total([*now.tables.values(), now.large_objects])
    yield from _half_of("tables", backup.tables, len(details.tables), since=backup.id)
    yield from _half_of("rows", backup.rows, details.rows, since=backup.id)
    yield from _half_of("bytes of text", backup.text_bytes, size.text_bytes, since=backup.id)


def _half_of(what: str, was: int, now: int, *, since: str) -> Iterator[str]:
    if _is_half_gone(was, now):
        yield (
            f"half of the {what} or more are gone: there are {now:,} now; the last good backup"
            f" before ({since}) had {was:,}"
        )


def _is_half_gone(was: int, now: int) -> bool:
    return was > 0 and now * 2 <= was


# ------------------------------------------------------------------ guards of the policy
def _too_few_rows(now: Inventory, guards: Iterable[Guard]) -> Iterator[str]:
    for guard in guards:
        if guard.min_rows is None:
            continue
        size = now.find(guard.table)
        if size is None and guard.min_rows > 0:
            yield f"table {guard.table} is not there; its guard asks for {guard.min_rows} rows"
        elif size is not None and size.rows < guard.min_rows:
            yield (
                f"table {guard.table} has {size.rows} rows; its guard asks for"
                f" {guard.min_rows} at least"
            )


def _dropped(comparison: _Comparison) -> Iterator[str]:
    for guard in comparison.guards:
        was, now = comparison.was.find(guard.table), comparison.now.find(guard.table)
        if guard.max_drop is None or was is None or now is None:
            continue
        if (was.rows - now.rows) * 100 > guard.max_drop * was.rows:
            yield (
                f"table {guard.table} lost more than {guard.max_drop}% of its rows: it has"
                f" {now.rows:,} now; the last good backup before ({comparison.since}) had"
                f" {was.rows:,}"
            )


def _idle_guards(comparison: _Comparison) -> Iterator[str]:
    for guard in comparison.guards:
        seen = comparison.was.find(guard.table) or comparison.now.find(guard.table)
        if seen is None and not guard.min_rows:
            yield f"the guard of {guard.table} watches nothing: the backup has no such table"


# ------------------------------------------------------------------ what rows look like
def _incompressible(comparison: _Comparison) -> Iterator[str]:
    changed = [
        name
        for name, was in comparison.was.tables.items()
        if (now := comparison.now.find(name)) is not None and _hardly_compresses(was, now)
    ]
    if changed:
        yield (
            f"compresses far worse than in {comparison.since}, as encrypted rows do:"
            f" {_count(changed)} {_names(changed)}"
        )


def _hardly_compresses(was: Size, now: Size) -> bool:
    if min(was.text_bytes, now.text_bytes) < TELLING_TEXT or now.rows >= 2 * was.rows:
        # Too little to tell, or mostly rows that are new: those may well be of another kind.
        return False
    jump = now.stored_bytes * was.text_bytes - was.stored_bytes * now.text_bytes
    return jump * 100 > COMPRESSIBILITY_JUMP * was.text_bytes * now.text_bytes


# ------------------------------------------------------------------ what the policy selects
def _inventory_then(details: Details, was: Details) -> tuple[Inventory, list[TableName]]:
    """Return what there was of what is still selected, and the names of what is not."""
    # Earlier details do not say what is above partitions that are partitioned: it is as it is now.
    parents = {**details.parents, **was.parents}
    families = {
        data.table.name: (data.table.name, *ancestors_of(data.table.name, parents))
        for data in was.tables
    }
    kept = tuple(
        data for data in was.tables if not _is_left_out(families[data.table.name], details, was)
    )
    names = {data.table.name for data in kept}
    present = {name for member in names for name in families[member]}
    gone = {
        next(name for name in reversed(family) if name not in present)
        for member, family in families.items()
        if member not in names
    }
    return take_inventory(replace(was, tables=kept), parents), sorted(gone)


def _is_left_out(family: Sequence[TableName], details: Details, was: Details) -> bool:
    """Whether a table is not in the backup because the policy's selection is another one now.

    A pattern that fits what is above a partition fits the partition.
    """
    include, exclude = details.selection_include, details.selection_exclude
    if (include, exclude) == (was.selection_include, was.selection_exclude):
        return False
    return _fits(family, exclude) or not (not include or _fits(family, include))


def _fits(family: Sequence[TableName], patterns: Iterable[str]) -> bool:
    return any(
        re.fullmatch(
            re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), str(name), re.DOTALL
        )
        for pattern in patterns
        for name in family
    )


def _count(names: Sequence[TableName]) -> str:
    return "table" if len(names) == 1 else f"{len(names)} tables:"


def _names(names: Sequence[TableName]) -> str:
    shown = ", ".join(str(name) for name in sorted(names)[:NAMES_SHOWN])
    further = len(names) - NAMES_SHOWN
    return f"{shown} and {further} more" if further > 0 else shown
