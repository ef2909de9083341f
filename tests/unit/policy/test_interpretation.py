"""What a valid file becomes: defaults, windows, schedules, places."""

from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from orchestrator.model.policy import (
    AlertRoute,
    CalendarUnit,
    Event,
    OnUncovered,
    Retention,
    Schedule,
    TableSelection,
    Tier,
    Window,
)
from orchestrator.model.verification import Level
from tests.unit.policy.policy_text import changed, desired, load, only_policy, problems, warnings


def test_what_is_left_out_has_the_default_of_the_manual(tmp_path: Path):
    policy = only_policy(tmp_path)

    assert policy.timezone == ZoneInfo("UTC")
    assert policy.source.databases == ("practice",)
    assert policy.source.lock_timeout == timedelta(seconds=30)
    assert policy.source.stall_timeout == timedelta(minutes=2)
    assert policy.source.max_duration == timedelta(hours=6)
    assert policy.source.yield_after == timedelta(seconds=30)
    assert policy.source.restore_url == policy.source.url
    assert policy.tables == TableSelection(on_uncovered=OnUncovered.ALERT)
    [schedule] = policy.schedules
    assert (schedule.catch_up, schedule.grace) == (timedelta(hours=12), timedelta(minutes=30))
    assert (policy.retention.min_keep, policy.retention.prune_delay) == (3, timedelta(hours=24))
    assert (policy.zstd_level, policy.after_backup) == (3, Level.OBJECTS)


def test_max_parallel_is_two_unless_declared(tmp_path: Path):
    assert desired(tmp_path, changed()).max_parallel == 2
    assert desired(tmp_path, changed() + "settings: {max_parallel: 5}\n").max_parallel == 5


def test_what_is_declared_is_taken(tmp_path: Path):
    policy = only_policy(
        tmp_path,
        (
            "source: {",
            "timezone: Europe/London\n    source: {databases: [b, a], max_duration: 2h, ",
        ),
        ('* *"}', '* *", catch_up: 90s, grace: 1w}'),
        ("{daily: 30d}", "{weekly: 3mo, hourly: 7d}\n      min_keep: 1\n      prune_delay: 5m"),
        ("alerts:", "compression: {zstd: 19}\n    verify: {after_backup: stored}\n    alerts:"),
    )

    assert policy.timezone == ZoneInfo("Europe/London")
    assert policy.source.databases == ("b", "a")
    assert policy.source.max_duration == timedelta(hours=2)
    assert policy.schedules == (
        Schedule(
            name="daily", cron="0 2 * * *", catch_up=timedelta(seconds=90), grace=timedelta(7)
        ),
    )
    tiers = {Tier.HOURLY: Window(7, CalendarUnit.DAYS), Tier.WEEKLY: Window(3, CalendarUnit.MONTHS)}
    assert policy.retention == Retention(tiers=tiers, min_keep=1, prune_delay=timedelta(minutes=5))
    assert (policy.zstd_level, policy.after_backup) == (19, Level.STORED)
    assert policy.alerts == (AlertRoute(to="ops", on=frozenset(Event)),)


def test_tables_are_taken_as_written_case_and_all(tmp_path: Path):
    selection = '{include: ["public.*", "A b.C\\"d"], exclude: [x.y.z], on_uncovered: fail}'
    policy = only_policy(tmp_path, ("alerts:", f"tables: {selection}\n    alerts:"))

    assert policy.tables == TableSelection(
        include=("public.*", 'A b.C"d'), exclude=("x.y.z",), on_uncovered=OnUncovered.FAIL
    )


@pytest.mark.parametrize(
    ("cron", "catch_up"),
    [
        ("*/5 * * * *", timedelta(hours=1)),
        ("0 */3 * * *", timedelta(minutes=90)),
        ("0 */6 * * *", timedelta(hours=3)),
        ("0 2 * * *", timedelta(hours=12)),
        ("0 2 1 * *", timedelta(hours=12)),
    ],
)
def test_catch_up_is_half_the_period_between_one_hour_and_twelve(
    tmp_path: Path, cron: str, catch_up: timedelta
):
    [schedule] = only_policy(tmp_path, ("0 2 * * *", cron)).schedules

    assert schedule.catch_up == catch_up


@pytest.mark.parametrize(
    ("tiers", "place"),
    [
        ("{hourly: 7d, daily: 7d}", "12:34"),
        ("{daily: 30d, weekly: 4w}", "12:35"),
        ("{monthly: 12mo, yearly: 1y}", "12:38"),
        ("{hourly: 168h, daily: 7d}", "12:36"),
        ("{hourly: 200h, yearly: 8d}", "12:37"),
    ],
)
def test_windows_that_do_not_grow_with_coarseness_are_problems(
    tmp_path: Path, tiers: str, place: str
):
    [problem] = problems(tmp_path, changed(("{daily: 30d}", tiers)))

    assert problem.startswith(f"a.yaml:{place}: the ")
    assert "must be longer than" in problem


@pytest.mark.parametrize(
    ("cron", "tiers", "expected"),
    [
        ("0 2 * * *", "{hourly: 7d, daily: 30d}", ["hourly"]),
        ("0 2 * * sun", "{hourly: 7d, daily: 30d, weekly: 3mo}", ["hourly", "daily"]),
        ("0 * * * *", "{hourly: 7d, daily: 30d}", []),
        ("0 2 1 * *", "{monthly: 1y, yearly: 7y}", []),
    ],
)
def test_a_tier_finer_than_the_schedule_is_a_warning(
    tmp_path: Path, cron: str, tiers: str, expected: list[str]
):
    found = warnings(tmp_path, changed(("0 2 * * *", cron), ("{daily: 30d}", tiers)))

    assert [line.split()[2] for line in found] == expected
    assert all("is finer than the schedules" in line for line in found)


@pytest.mark.parametrize(("window", "instead"), [("1mo", "30d"), ("2mo", "60d")])
def test_an_hourly_window_in_months_is_a_warning(tmp_path: Path, window: str, instead: str):
    tiers = f"{{hourly: {window}, monthly: 1y}}"
    [warning] = warnings(tmp_path, changed(("0 2 * * *", "0 * * * *"), ("{daily: 30d}", tiers)))

    assert warning.startswith(f"a.yaml:12:23: the hourly window `{window}` follows the calendar")
    assert f"such as `{instead}`" in warning


@pytest.mark.parametrize("zone", ["Europe/Londn", "../etc", "/etc/passwd", "Europe", "é", "UTC+25"])
def test_an_unknown_time_zone_is_a_problem(tmp_path: Path, zone: str):
    [problem] = problems(tmp_path, changed(("    source:", f"    timezone: {zone}\n    source:")))

    assert problem.startswith(f"a.yaml:8:15: there is no time zone `{zone}`")


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("file:./backups", "{folder}/backups"),
        ("file:backups", "{folder}/backups"),
        ("file:../my backups", "{parent}/my%20backups"),
        ("file:a%20b/../c", "{folder}/c"),
        ("file:/srv/backups", "file:///srv/backups"),
        ("file:///srv/a%23b/", "file:///srv/a%23b"),
        ("file://localhost/srv", "file:///srv"),
    ],
)
def test_a_file_url_becomes_absolute(tmp_path: Path, written: str, expected: str):
    [place] = desired(tmp_path, changed(("file:./backups", f'"{written}"'))).destinations.values()

    folder, parent = tmp_path.resolve().as_uri(), tmp_path.resolve().parent.as_uri()
    assert place.url == expected.format(folder=folder, parent=parent)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("file://backups/x", "the url names a host, `backups`"),
        ("file:~/backups", "`~` is not replaced by a home directory"),
        ("file:a?b", "the url has more than a path"),
        ("file:a%00b", "the url has no path that can be used"),
        ("fiel:./backups", "there are no destinations of the kind `fiel:`"),
        ("s3://key:hidden@bucket", "`s3:` is not supported yet"),
        ("sftp://host/backups", "`sftp:` is not supported yet"),
        ("/srv/backups", "`url` must be a URL such as `file:../backups`"),
    ],
)
def test_a_url_that_is_no_directory_is_a_problem(tmp_path: Path, written: str, expected: str):
    [problem] = problems(tmp_path, changed(("file:./backups", f'"{written}"')))

    assert problem.startswith(f"a.yaml:5:16: {expected}")
    assert "hidden" not in problem


@pytest.mark.parametrize(
    ("url", "database"),
    [
        ("postgresql://u:p@h/practice", "practice"),
        ("postgres://h:5432/a%20b?sslmode=require", "a b"),
        ("postgresql://u@h", "u"),
        ("postgresql://u:p@h/", "u"),
        ("postgresql:///d?host=/run/postgresql", "d"),
        ("postgresql://h1:1,h2:2/d", "d"),
        ("postgresql://u@[::1]:5432/d", "d"),
        ("postgresql://u@h/d?dbname=e", "e"),
        ("postgresql://?user=u", "u"),
        ("host=h dbname='my db' password='it\\'s'", "my db"),
        ("user = u host=h", "u"),
        ("dbname=a\\ b", "a b"),
    ],
)
def test_the_database_is_the_one_that_libpq_would_take(tmp_path: Path, url: str, database: str):
    loaded = load(tmp_path, changed(), environment={"DATABASE_URL": url, "ALERT_URL": "json://h"})

    assert loaded.desired is not None
    assert loaded.desired.policies["practice"].source.databases == (database,)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://h", "the url names neither a database nor a user"),
        ("host=h", "the url names neither a database nor a user"),
        ("mysql://u@h/d", "the value of `url` is not the URL of a PostgreSQL server"),
        ("just words", "the value of `url` is neither a PostgreSQL URL nor"),
        ("host='h", "the value of `url` is neither a PostgreSQL URL nor"),
    ],
)
def test_a_url_that_names_no_database_is_a_problem(tmp_path: Path, url: str, expected: str):
    loaded = load(tmp_path, changed(), environment={"DATABASE_URL": url, "ALERT_URL": "json://h"})

    [problem] = loaded.problems
    assert (problem.line, problem.column) == (8, 39)
    assert problem.message.startswith(expected)


def test_named_databases_need_no_database_in_the_url(tmp_path: Path):
    text = changed(("engine:", "databases: [one, two], engine:"))
    loaded = load(
        tmp_path, text, environment={"DATABASE_URL": "postgresql://h", "ALERT_URL": "json://h"}
    )

    assert loaded.desired is not None
    assert [str(s) for s in loaded.desired.policies["practice"].series] == [
        "practice/one",
        "practice/two",
    ]
