"""Which differences of a table are harmless for rows of then."""

import pytest

from orchestrator.engines.postgres.restore.existing.fitting.columns import (
    PresentColumn,
    compare_columns,
)
from tests.support.replacing import a_table


def differences(then: str, now: str) -> list[bool]:
    present = [PresentColumn("c", now, must_be_given=False, generated=False)]
    return [one.harmless for one in compare_columns(a_table("t", c=then), present)]


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("smallint", "bigint"),
        ("integer", "numeric"),
        ("character varying(5)", "character varying(9)"),
        ("character varying(5)", "text"),
        ("character varying(5)", "character varying"),
        ("text", "character varying"),
    ],
)
def test_a_type_that_takes_every_old_value_in_the_same_words_is_harmless(then: str, now: str):
    assert differences(then, now) == [True]


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ("bigint", "integer"),
        ("text", "character varying(9)"),
        ("character varying(9)", "character varying(5)"),
        ("numeric(4,1)", "numeric(6,2)"),
        ("timestamp with time zone", "timestamp without time zone"),
        ("integer", "text"),
    ],
)
def test_any_other_type_is_in_the_way(then: str, now: str):
    assert differences(then, now) == [False]


def test_the_same_columns_in_another_order_are_no_difference():
    present = [
        PresentColumn("b", "text", must_be_given=False, generated=False),
        PresentColumn("a", "integer", must_be_given=True, generated=False),
        PresentColumn("sum", "integer", must_be_given=False, generated=True),
    ]
    assert [*compare_columns(a_table("t", a="integer", b="text"), present)] == []


def test_a_column_that_is_generated_now_cannot_take_values():
    present = [PresentColumn("a", "integer", must_be_given=False, generated=True)]
    (found,) = compare_columns(a_table("t", a="integer"), present)
    assert (found.harmless, "generated now" in found.words) == (False, True)
