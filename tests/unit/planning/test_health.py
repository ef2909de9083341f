"""What a pulse, a check and the figures say of how policies fare."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.cli.exit_codes import CheckCode
from orchestrator.cli.status.check import check, unknown
from orchestrator.errors import CatalogUnreachableError
from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.backup import Backup
from orchestrator.model.names import DestinationName, PolicyName, ScheduleName
from orchestrator.model.observation import Observation
from orchestrator.model.policy import Event, Policy, Schedule
from orchestrator.model.run import RunState
from orchestrator.model.space import Space, SpaceHistory, SpaceMeasurement, Unmeasured
from orchestrator.model.verification import Level
from orchestrator.planning.health.figures import Known, take_figures
from orchestrator.planning.health.pulse import take_pulse
from orchestrator.reconciler.monitoring.look_at_health import Health
from tests.support.builders import (
    a_backup,
    a_copy,
    a_desired_state,
    a_policy,
    a_run,
    a_series,
    a_series_observation,
    an_error_report,
    an_observation,
    schedules_in_force,
    utc,
)

NOW = utc("2026-11-22T03:00")
LOCAL = DestinationName("local")
POLICY = a_policy(after_backup=Level.CONTENT)
SPACE = SpaceHistory(
    measurements=(SpaceMeasurement(destination=LOCAL, at=NOW, space=Space(free=1, whole=2)),)
)


def proved(level: Level | None = Level.CONTENT, at: str = "2026-11-22T02:00") -> Backup:
    return a_backup(utc(at), copies=[a_copy(level=level)])


def seen(newest: Backup | None, *, policy: Policy = POLICY) -> Observation:
    return an_observation(
        NOW,
        a_series_observation(series=a_series(), newest=newest),
        schedules_since=schedules_in_force(policy),
    )


def health(
    newest: Backup | None,
    *events: Event,
    space: SpaceHistory = SPACE,
    what: str = "something is wrong",
) -> Health:
    troubles = tuple(
        Trouble(
            cause=Cause(event, "practice/app"),
            series=(a_series(),),
            since=NOW,
            error=an_error_report(what=what),
            next_command="orchestrator status",
        )
        for event in events
    )
    return Health(
        desired=a_desired_state(POLICY),
        seen=seen(newest),
        troubles=troubles,
        space={LOCAL: space},
        undelivered=(),
        retired={},
    )


@pytest.mark.parametrize(
    ("newest", "is_well", "words"),
    [
        (proved(), True, "every promise holds; 1 series proved as promised, none older than 1h"),
        (proved(Level.RESTORED), True, "every promise holds"),
        (proved(Level.OBJECTS), False, "verified to objects alone, not to content"),
        (proved(None), False, "the newest backup is not verified, not to content"),
        (None, False, "practice/app: there is no backup"),
        (
            proved(at="2026-11-21T02:00"),
            False,
            "practice/app: daily is broken since 2026-11-22T02:3",
        ),
    ],
)
def test_a_pulse_needs_every_promise_and_every_proof(
    newest: Backup | None, words: str, *, is_well: bool
):
    pulse = take_pulse(POLICY, seen(newest))

    assert pulse.is_well is is_well
    assert words in pulse.words


UNMEASURED = replace(SPACE, unmeasured=Unmeasured(at=NOW, why="not mounted"))


@pytest.mark.parametrize(
    ("newest", "events", "space", "code"),
    [
        (proved(), (), SPACE, CheckCode.OK),
        (proved(), (Event.FAILED,), SPACE, CheckCode.WARNING),
        (proved(), (Event.LOW_STORAGE,), SPACE, CheckCode.WARNING),
        (proved(), (Event.GUARD,), SPACE, CheckCode.WARNING),
        (proved(), (Event.CHANNEL_FAILING,), SPACE, CheckCode.WARNING),
        (proved(Level.OBJECTS), (), SPACE, CheckCode.WARNING),
        (proved(), (), UNMEASURED, CheckCode.WARNING),
        (proved(), (Event.FAILED, Event.CORRUPT), SPACE, CheckCode.CRITICAL),
        (proved(at="2026-11-21T02:00"), (Event.MISSED,), SPACE, CheckCode.CRITICAL),
        (None, (), SPACE, CheckCode.CRITICAL),
    ],
)
def test_the_worst_finding_decides_the_code(
    newest: Backup | None, events: Sequence[Event], space: SpaceHistory, code: CheckCode
):
    found, lines = check(health(newest, *events, space=space))

    assert found is code
    assert lines[0].startswith(f"BACKUPS {code.name} - ")
    assert f" | critical={int(code is CheckCode.CRITICAL)};;;0 warning=" in lines[0]
    assert "oldest_backup=" in lines[0] or newest is None
    assert "'free_local'=1B;;;0;2" in lines[0]


@pytest.mark.parametrize("schedules", [POLICY.schedules, ()], ids=["scheduled", "unscheduled"])
def test_backups_without_an_intact_copy_are_critical_and_not_called_none(
    schedules: Sequence[Schedule],
):
    policy = replace(POLICY, schedules=tuple(schedules))
    lost = a_series_observation(series=a_series(), backups=3)
    observed = an_observation(NOW, lost, schedules_since=schedules_in_force(policy))

    code, lines = check(replace(health(None), desired=a_desired_state(policy), seen=observed))

    assert code is CheckCode.CRITICAL
    assert "no copy of its 3 backups is intact" in lines[0]
    assert "there is no backup" not in lines[0]
    assert "is intact" in take_pulse(policy, observed).words


def test_hostile_words_stay_on_their_line_and_out_of_the_figures():
    what = "a|b\nc\x1b[31m" + "x" * 500
    _, [first, second] = check(health(proved(), Event.FAILED, what=what))

    text, _, figures = first.partition(" | ")
    assert len(text) < 230
    assert text.endswith("…")
    assert set(figures.split("=")[0]) <= set("critical")
    assert second.startswith("WARNING: failed: a/b c\\x1b[31mxxx")
    assert "|" not in second


def test_what_cannot_be_found_out_is_unknown():
    error = CatalogUnreachableError("the catalog is away", next_step="bring it back")

    assert unknown(error) == (
        CheckCode.UNKNOWN,
        [
            "BACKUPS UNKNOWN - the catalog is away [ORC-601]",
            "the catalog is away [ORC-601]",
            "bring it back",
        ],
    )
    assert unknown(ZeroDivisionError("secret"))[1][0] == (
        "BACKUPS UNKNOWN - an unexpected ZeroDivisionError"
    )


def test_figures_are_those_of_the_newest_good_backup():
    newest = proved()
    known = Known(
        runs=[a_run(state=RunState.FAILED), a_run(state=RunState.SUCCEEDED)],
        space={LOCAL: UNMEASURED},
        undelivered=(),
    )
    figures = take_figures(a_desired_state(POLICY), seen(newest), known, pass_succeeded=True)

    [series], [place] = figures.series, figures.places
    assert series.newest is not None
    assert (series.newest.rows, series.newest.level) == (newest.rows, Level.CONTENT)
    assert series.newest.age == timedelta(hours=1).total_seconds()
    assert series.promises == {ScheduleName("daily"): True}
    assert series.runs == {"failed": 1, "succeeded": 1}
    assert figures.well == {PolicyName("practice"): True}
    assert (place.space, place.is_measurable) == (Space(free=1, whole=2), False)


def test_a_series_without_backups_and_a_place_never_measured_have_no_figures():
    known = Known(runs=(), space={}, undelivered=())
    figures = take_figures(a_desired_state(POLICY), seen(None), known, pass_succeeded=True)

    assert figures.series[0].newest is None
    assert (figures.places[0].space, figures.places[0].is_measurable) == (None, True)
    assert figures.well == {PolicyName("practice"): False}
