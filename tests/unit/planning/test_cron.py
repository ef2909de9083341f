"""Which cron expressions can be used."""

import pytest

from orchestrator.planning.cron import find_cron_trouble, fires_every_hour_that_exists


@pytest.mark.parametrize(
    "cron",
    [
        "0 2 * * *",
        "*/15 0-6 1,15 * MON-FRI",
        "0 2 L * *",
        "0 2 * jan-mar 5#2",
        "0 2 15W * *",
        "0 0 29 2 *",
    ],
)
def test_a_usable_expression_has_no_trouble(cron: str):
    assert find_cron_trouble(cron) is None


@pytest.mark.parametrize(
    ("cron", "trouble"),
    [
        ("@daily", "it has 1 field, not 5"),
        ("0 2 * *", "it has 4 fields, not 5"),
        ("0 0 2 * * *", "it has 6 fields, not 5"),
        ("", "it has 0 fields, not 5"),
        ("0 24 * * *", "out of range"),
        ("60 * * * *", "out of range"),
        ("R 2 * * *", "'R' is no name"),
        ("H 2 * * *", "'H' is no name"),
        ("0 2 * * r", "'r' is no name"),
        ("0 2 * * MONDAY", "'MONDAY' is no name"),
        ("0 2 30 2 *", "no date ever matches it"),
        ("0 1~5 * * *", "not acceptable"),
        ("*/0 * * * *", "not acceptable"),
    ],
)
def test_an_unusable_expression_is_refused_in_words(cron: str, trouble: str):
    assert trouble in str(find_cron_trouble(cron))


@pytest.mark.parametrize(
    ("cron", "expected"), [("0 * * * *", True), ("0 */6 * * *", True), ("* 0-23 * * *", False)]
)
def test_only_an_hour_field_that_starts_with_a_star_is_a_wildcard(cron: str, *, expected: bool):
    assert fires_every_hour_that_exists(cron) is expected
