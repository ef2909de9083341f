"""Differences of schemas, in words."""

from orchestrator.planning.comparison.schema import (
    SchemaDescription,
    SchemaEntry,
    compare_schemas,
)


def described(*entries: tuple[str, str, dict[str, str]]) -> SchemaDescription:
    return SchemaDescription(
        entries=tuple(
            SchemaEntry(kind=kind, name=name, parts=parts) for kind, name, parts in entries
        )
    )


def words(before: SchemaDescription, after: SchemaDescription) -> list[str]:
    return [change.words for change in compare_schemas(before, after)]


def test_objects_that_come_and_go_are_named():
    before = described(("TABLE", "public.a", {}), ("INDEX", "public.i", {"definition": "x"}))
    after = described(("INDEX", "public.i", {"definition": "x"}), ("VIEW", "public.v", {}))
    assert words(before, after) == ["table public.a removed", "view public.v added"]


def test_every_part_that_differs_is_named():
    before = described(("TABLE", "t", {"column a": "integer", "column b": "text", "owner": "x"}))
    after = described(("TABLE", "t", {"column a": "bigint", "column c": "text", "owner": "x"}))
    (told,) = words(before, after)
    assert told.removeprefix("table t changed: ").split("; ") == [
        "column a changed from integer to bigint",
        "column b removed (text)",
        "column c added (text)",
    ]


def test_long_definitions_are_only_said_to_differ():
    before = described(("FUNCTION", "f()", {"definition": "BEGIN\n  1\nEND"}))
    after = described(("FUNCTION", "f()", {"definition": "BEGIN\n  2\nEND"}))
    assert words(before, after) == ["function f() changed: definition changed"]


def test_two_objects_of_one_name_are_both_compared():
    one, two, three = ({"definition": text} for text in "abc")
    before, after = (described(("X", "n", one), ("X", "n", other)) for other in (two, three))
    assert words(before, after) == ["x n (2) changed: definition changed from b to c"]


def test_equal_schemas_have_no_difference():
    assert words(described(("X", "n", {"a": "b"})), described(("X", "n", {"a": "b"}))) == []
