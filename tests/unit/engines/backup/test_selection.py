from collections.abc import Mapping, Sequence

import pytest

from orchestrator.engines.postgres.backup.tables.selection import Selected, select_tables
from orchestrator.errors import TablesNotFoundError
from orchestrator.model.contents import TableName
from orchestrator.model.policy import TableSelection


def names(*texts: str) -> list[TableName]:
    return [TableName(*text.split(".", 1)) for text in texts]


def selected(
    tables: Sequence[str],
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    parents: Mapping[TableName, Sequence[TableName]] | None = None,
) -> Selected:
    selection = TableSelection(include=tuple(include), exclude=tuple(exclude))
    return select_tables(names(*tables), parents or {}, selection)


def test_no_include_selects_every_table() -> None:
    assert selected(["public.a", "audit.b"]).tables == tuple(names("public.a", "audit.b"))


def test_exclude_wins_over_include() -> None:
    result = selected(["public.a", "public.b"], include=["public.*"], exclude=["public.b"])
    assert result.tables == tuple(names("public.a"))
    assert result.uncovered == ()


def test_a_pattern_of_which_exclude_takes_every_table_is_named() -> None:
    with pytest.raises(TablesNotFoundError, match=r"exclude takes: audit\.\*"):
        selected(["public.a", "audit.b"], include=["public.*", "audit.*"], exclude=["audit.?"])


@pytest.mark.parametrize("include", [(), ("public.*",)])
def test_a_selection_that_leaves_no_table_is_refused(include: Sequence[str]) -> None:
    with pytest.raises(TablesNotFoundError, match="exclude takes"):
        selected(["public.a", "public.b"], include=include, exclude=["*.*"])


def test_a_database_without_tables_leaves_nothing_to_refuse() -> None:
    assert selected([], exclude=["*.*"]).tables == ()


def test_an_included_parent_stays_while_partitions_of_it_are_excluded() -> None:
    parent, leaf, other = names("public.log", "parts.log_2025", "parts.log_2026")
    tables = ["public.log", "parts.log_2025", "parts.log_2026"]
    parents = {leaf: (parent,), other: (parent,)}
    left = selected(tables, include=["public.log"], exclude=["*.log_2025"], parents=parents)
    assert left.tables == (parent, other)


def test_patterns_are_case_sensitive() -> None:
    with pytest.raises(TablesNotFoundError, match=r"public\.users"):
        selected(["public.Users"], include=["public.users"])


def test_every_lost_pattern_is_named() -> None:
    with pytest.raises(TablesNotFoundError, match=r"public\.x, public\.y"):
        selected(["public.a"], include=["public.x", "public.a", "public.y"])


def test_a_table_that_no_pattern_names_is_uncovered() -> None:
    result = selected(["public.a", "public.new"], include=["public.a"])
    assert result.uncovered == tuple(names("public.new"))


def test_an_excluded_table_is_not_uncovered() -> None:
    result = selected(["public.a", "public.log"], include=["public.a"], exclude=["public.log"])
    assert result.uncovered == ()


@pytest.mark.parametrize(
    "special", ["public.a[b]", "public.a+b", "public.(x)", "public.a\nb", "public.^"]
)
def test_characters_of_regular_expressions_are_plain_characters(special: str) -> None:
    assert selected([special, "public.ab"], include=[special]).tables == tuple(names(special))


def test_question_mark_is_exactly_one_character() -> None:
    result = selected(["public.t1", "public.t12"], include=["public.t?"])
    assert result.tables == tuple(names("public.t1"))


def test_a_pattern_that_fits_the_parent_fits_its_partitions() -> None:
    parent, leaf, sub = names("public.log", "parts.log_2026", "parts.log_2026_11")
    parents = {leaf: (parent,), sub: (leaf,)}
    result = selected(
        ["public.log", "parts.log_2026", "parts.log_2026_11"],
        include=["public.log"],
        parents=parents,
    )
    assert result.tables == (parent, leaf, sub)


def test_excluding_the_parent_excludes_its_partitions() -> None:
    parent, leaf = names("public.log", "parts.log_2026")
    other = TableName("public", "a")
    result = selected(
        ["public.log", "parts.log_2026", "public.a"],
        exclude=["public.log"],
        parents={leaf: (parent,)},
    )
    assert result.tables == (other,)
