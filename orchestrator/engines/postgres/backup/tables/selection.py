"""Which tables a selection means: patterns are matched here, never by a client program.

``-t`` of pg_dump folds names to lower case, reads quotes and ``*`` of real names as patterns, and
passes over a pattern that matches nothing (reference/postgres.md §2, rows 12, 14 and 15).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.errors import TablesNotFoundError
from orchestrator.model.contents import TableName
from orchestrator.model.policy import TableSelection


@dataclass(frozen=True, slots=True)
class Selected:
    """Which tables are read, which no pattern names, which are excluded; in the order given."""

    tables: tuple[TableName, ...]
    uncovered: tuple[TableName, ...]
    excluded: tuple[TableName, ...] = ()


def select_tables(
    names: Sequence[TableName],
    parents: Mapping[TableName, Sequence[TableName]],
    selection: TableSelection,
) -> Selected:
    """Given all tables and the parents that each inherits from or is a partition of, select.

    A pattern that fits a parent fits everything below it, so a partition that was attached
    yesterday is read today. ``exclude`` wins over ``include``; an empty ``include`` means all.

    Raises:
        TablesNotFoundError: a pattern of ``include`` matches no table, or none that ``exclude``
            leaves; or tables are there, and none is left. Such a backup would be proved, and empty.
    """
    include = [_compiled(pattern) for pattern in selection.include]
    exclude = [_compiled(pattern) for pattern in selection.exclude]
    _require_matches(selection.include, include, names, "matches no table")
    chosen: list[TableName] = []
    uncovered: list[TableName] = []
    excluded: list[TableName] = []
    for name in names:
        family = [str(member) for member in _with_ancestors(name, parents)]
        if _fits(exclude, family):
            excluded.append(name)
            continue
        (chosen if not include or _fits(include, family) else uncovered).append(name)
    left = [member for name in chosen for member in _with_ancestors(name, parents)]
    _require_matches(
        selection.include, include, left, "means only tables that tables.exclude takes"
    )
    if names and not chosen:
        raise TablesNotFoundError(
            f"tables.exclude takes every one of the {len(names)} tables, so that nothing is backed up",
            next_step="narrow tables.exclude, or pause the policy if nothing is to be backed up",
        )
    return Selected(tuple(chosen), tuple(uncovered), tuple(excluded))


def is_selected(
    name: TableName, parents: Mapping[TableName, Sequence[TableName]], selection: TableSelection
) -> bool:
    """Return whether a selection means this table; a pattern may as well match nothing."""
    family = [str(member) for member in _with_ancestors(name, parents)]
    if _fits(map(_compiled, selection.exclude), family):
        return False
    return not selection.include or _fits(map(_compiled, selection.include), family)


def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (
        {"*": ".*", "?": "."}.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.DOTALL)


def _fits(patterns: Iterable[re.Pattern[str]], family: Iterable[str]) -> bool:
    members = tuple(family)
    return any(pattern.fullmatch(member) for pattern in patterns for member in members)


def _with_ancestors(
    name: TableName, parents: Mapping[TableName, Sequence[TableName]]
) -> Iterable[TableName]:
    yield name
    for parent in parents.get(name, ()):
        yield from _with_ancestors(parent, parents)


def _require_matches(
    texts: Sequence[str],
    patterns: Sequence[re.Pattern[str]],
    names: Sequence[TableName],
    trouble: str,
) -> None:
    lost = [
        text
        for text, pattern in zip(texts, patterns, strict=True)
        if not _fits([pattern], map(str, names))
    ]
    if lost:
        raise TablesNotFoundError(
            f"tables.include {trouble}: {', '.join(lost)}",
            next_step="correct the pattern (names are case-sensitive, as schema.table) or remove it",
        )
