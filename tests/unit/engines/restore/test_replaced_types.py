"""Which differences of user-defined types are harmless for rows of then."""

import pytest

from orchestrator.engines.postgres.restore.existing.fitting.types import (
    compare_types,
    require_same_types,
)
from orchestrator.errors import RestoreError
from orchestrator.model.contents import TypeDefinition
from tests.support.replacing import a_table


def an_enum(*labels: str) -> TypeDefinition:
    return TypeDefinition(name="public.mood", kind="enum", parts=labels)


TABLES = [a_table("t", moods="public.mood[]")]


def test_a_backup_that_does_not_record_a_type_is_in_the_way():
    (found,) = compare_types(TABLES, [], [an_enum("sad")])
    assert (found.harmless, "does not tell how" in found.words) == (False, True)


def test_a_type_whose_definition_is_gone_is_in_the_way():
    (found,) = compare_types(TABLES, [an_enum("sad")], [])
    assert (found.harmless, found.words) == (False, "type public.mood is not the enum any more")


def test_types_that_no_chosen_table_uses_do_not_matter():
    assert [*compare_types([a_table("t", id="integer")], [an_enum("sad")], [])] == []


@pytest.mark.parametrize(
    ("labels", "harmless"),
    [(("a", "b", "c"), [True]), (("a",), [False]), (("b", "a"), [False]), (("a", "b"), [])],
)
def test_only_appended_labels_are_harmless(labels: tuple[str, ...], harmless: list[bool]):
    found = compare_types(TABLES, [an_enum("a", "b")], [an_enum(*labels)])
    assert [one.harmless for one in found] == harmless


def test_a_type_that_is_altered_while_rows_are_loaded_stops_the_replacement():
    require_same_types([an_enum("a")], [an_enum("a")])
    with pytest.raises(RestoreError, match=r"public\.mood"):
        require_same_types([an_enum("a")], [an_enum("b")])
