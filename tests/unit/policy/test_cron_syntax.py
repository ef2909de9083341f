"""Five standard cron fields, and nothing that two programs could read differently."""

from datetime import timedelta

import pytest

from orchestrator.policy.syntax.cron import CronSyntaxError, check_cron, shortest_gap

ACCEPTED = [
    "0 2 * * *",
    "0 */6 * * *",
    "*/30 1 * * *",
    "15,45 0-6/2 1,15 jan-mar,DEC MON-FRI",
    "0 0 * * fri-sun",
    "0 0 * * 5-7",
    "0 0 * * 0,7",
    "05 04 * * *",
    "0 0 29 2 *",
    "0 0 31 * *",
    "59 23 31 12 6",
]

REFUSED = {
    "": "a cron expression has five fields",
    "0 2 * *": "has 4",
    "0 0 2 * * *": "has 6",
    "0 0 0 2 * * *": "has 7",
    "@daily": "`@daily` is not allowed",
    "@reboot": "has 1",
    "60 * * * *": "the minute `60` is outside 0 to 59",
    "0 24 * * *": "the hour `24` is outside 0 to 23",
    "0 0 0 * *": "the day of the month `0` is outside 1 to 31",
    "0 0 32 * *": "the day of the month `32` is outside 1 to 31",
    "0 0 * 13 *": "the month `13` is outside 1 to 12",
    "0 0 * * 8": "the day of the week `8` is outside 0 to 7",
    "-1 * * * *": "`-1` cannot be the minute",
    "a * * * *": "`a` cannot be the minute",
    "mon * * * *": "`mon` cannot be the minute",
    "0 0 * monday *": "`monday` cannot be the month",
    "0 0 * * jan": "`jan` cannot be the day of the week",
    "0 0 L * *": "`L` cannot be the day of the month",
    "0 0 15W * *": "`15W` cannot be the day of the month",
    "0 0 * * 1#2": "`1#2` cannot be the day of the week",
    "0 0 * * L5": "`L5` cannot be the day of the week",
    "0 0 ? * *": "`?` cannot be the day of the month",
    "H 0 * * *": "`H` cannot be the minute",
    "R 0 * * *": "`R` cannot be the minute",
    "0 0 1, * *": "`` cannot be the day of the month",
    "0 0 *-5 * *": "`*-5` cannot be the day of the month",
    "*/0 * * * *": "the step of the minute `*/0` does not fit",
    "*/90 * * * *": "the step of the minute `*/90` does not fit",
    "0 */24 * * *": "the step of the hour `*/24` does not fit",
    "0 1-5/9 * * *": "the step of the hour `1-5/9` does not fit",
    "5/15 * * * *": "`5/15` has a step without a range",
    "0 22-2 * * *": "the hour range `22-2` ends before it begins",
    "0 0 * * sat-mon": "the day of the week range `sat-mon` ends before it begins",
    "0 0 30 2 *": "no date ever matches `0 0 30 2 *`",
    "0 0 31 4,6,9,11 *": "no date ever matches",
    "0 0 30-31 feb *": "no date ever matches",
    "٣ * * * *": "`٣` cannot be the minute",
}


@pytest.mark.parametrize("cron", ACCEPTED)
def test_a_standard_expression_is_accepted_as_it_is(cron: str):
    assert check_cron(f" {cron.replace(' ', '   ')}\n") == cron


@pytest.mark.parametrize(("cron", "expected"), REFUSED.items())
def test_what_is_not_standard_or_never_happens_is_refused(cron: str, expected: str):
    with pytest.raises(CronSyntaxError) as caught:
        check_cron(cron)

    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("cron", "gap"),
    [
        ("0 2 * * *", timedelta(days=1)),
        ("0 */6 * * *", timedelta(hours=6)),
        ("0 */5 * * *", timedelta(hours=4)),
        ("0 0,9 * * *", timedelta(hours=9)),
        ("0 3 * * sun", timedelta(weeks=1)),
        ("0 3 * * sat,sun", timedelta(days=1)),
        ("0 3 1,31 * *", timedelta(days=1)),
        ("0 3 1 * *", timedelta(days=29)),
        ("0 3 1 7 *", timedelta(days=365)),
        ("0 3 29 2 *", timedelta(days=1461)),
    ],
)
def test_the_period_is_the_shortest_time_between_two_slots(cron: str, gap: timedelta):
    assert shortest_gap(cron) == gap
