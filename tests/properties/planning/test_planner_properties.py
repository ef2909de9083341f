"""What holds for every plan."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.actions import TakeBackup
from orchestrator.model.names import Series
from orchestrator.model.observation import LeaseObservation, Observation, SeriesObservation
from orchestrator.model.plan import Plan
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.model.verification import Level
from orchestrator.planning.planner import make_plan
from tests.support.builders import (
    a_backup,
    a_copy,
    a_desired_state,
    a_lease,
    a_policy,
    a_schedule,
    a_series_observation,
    a_source,
    an_observation,
    schedules_in_force,
    utc,
)

NOW = utc("2026-10-25T12:00")
CRONS = ["0 2 * * *", "0 */6 * * *", "30 1 * * *", "*/30 1 * * *", "0 * * * *", "0 5 * * 0"]
Item = TypeVar("Item")
quick = settings(max_examples=60)

schedules = st.dictionaries(
    st.sampled_from(["daily", "often", "rare"]),
    st.tuples(st.sampled_from(CRONS), st.integers(1, 12)),
    min_size=1,
).map(
    lambda chosen: [
        a_schedule(name, cron, catch_up=timedelta(hours=hours))
        for name, (cron, hours) in chosen.items()
    ]
)


@st.composite
def policies(draw: st.DrawFn, name: str) -> Policy:
    databases = draw(st.lists(st.sampled_from(["app", "web", "log"]), min_size=1, unique=True))
    return a_policy(
        name,
        timezone=draw(st.sampled_from(["UTC", "Europe/London", "Australia/Lord_Howe"])),
        source=a_source(databases=databases),
        schedules=draw(schedules),
    )


@st.composite
def observed(draw: st.DrawFn, series: Series) -> SeriesObservation:
    age = draw(st.none() | st.timedeltas(timedelta(0), timedelta(days=3)))
    copies = [a_copy(level=draw(st.sampled_from([None, Level.STORED, Level.OBJECTS])))]
    newest = None if age is None else a_backup(NOW - age, series=series, copies=copies)
    is_gone = draw(st.none() | st.booleans())
    lease = a_lease(NOW, series=series)
    held = None if is_gone is None else LeaseObservation(lease=lease, holder_is_gone=is_gone)
    return a_series_observation(series=series, newest=newest, lease=held)


@st.composite
def situations(draw: st.DrawFn) -> tuple[list[Policy], Observation]:
    chosen = [draw(policies(name)) for name in ("alpha", "beta", "gamma")]
    seen = [draw(observed(series)) for policy in chosen for series in policy.series]
    since = {key: draw(since_times) for key in schedules_in_force(*chosen) if draw(st.booleans())}
    return chosen, an_observation(NOW, *seen, schedules_since=since)


since_times: st.SearchStrategy[datetime] = st.timedeltas(timedelta(0), timedelta(days=5)).map(
    lambda ago: NOW - ago
)


@quick
@given(situations(), st.randoms(use_true_random=False))
def test_the_order_of_the_input_does_not_matter(
    situation: tuple[list[Policy], Observation], random: Random
):
    chosen, observation = situation
    shuffled = [
        replace(policy, schedules=tuple(shuffle(policy.schedules, random)))
        for policy in shuffle(chosen, random)
    ]
    series = dict(shuffle(list(observation.series.items()), random))
    plan = make_plan(a_desired_state(*chosen), observation)
    assert make_plan(a_desired_state(*shuffled), replace(observation, series=series)) == plan


@quick
@given(situations())
def test_after_all_backups_of_a_plan_are_taken_none_is_due(
    situation: tuple[list[Policy], Observation],
):
    desired, observation = a_desired_state(*situation[0]), situation[1]
    done = {
        action.series: a_series_observation(newest=a_backup(NOW, series=action.series))
        for action in backups_in(make_plan(desired, observation))
    }
    later = replace(observation, series={**observation.series, **done})
    assert not backups_in(make_plan(desired, later))


@quick
@given(situations())
def test_another_policy_does_not_change_the_plan_of_one(
    situation: tuple[list[Policy], Observation],
):
    chosen, observation = situation
    alone, together = a_desired_state(chosen[0]), a_desired_state(*chosen)
    of_one = make_plan(alone, observation)
    assert part_of(make_plan(together, observation), chosen[0]) == of_one


@quick
@given(situations())
def test_every_series_is_accounted_for_and_every_reason_is_said(
    situation: tuple[list[Policy], Observation],
):
    desired, observation = a_desired_state(*situation[0]), situation[1]
    plan = make_plan(desired, observation)
    decided = {action.series for action in backups_in(plan)} | {
        skip.series for skip in plan.skipped
    }
    assert decided == series_of(desired)
    assert all(entry.reason for entry in (*plan.actions, *plan.skipped))
    assert [timetable.series for timetable in plan.timetables] == sorted(series_of(desired))


@quick
@given(situations())
def test_a_series_that_another_run_holds_is_never_touched(
    situation: tuple[list[Policy], Observation],
):
    chosen, observation = situation
    held = {
        series
        for series, seen in observation.series.items()
        if seen.lease is not None and not seen.lease.holder_is_gone
    }
    plan = make_plan(a_desired_state(*chosen), observation)
    assert not held & {action.series for action in plan.actions}


def shuffle(items: Sequence[Item], random: Random) -> list[Item]:
    return random.sample(items, len(items))


def backups_in(plan: Plan) -> list[TakeBackup]:
    return [action for action in plan.actions if isinstance(action, TakeBackup)]


def series_of(desired: DesiredState) -> set[Series]:
    return {series for policy in desired.policies.values() for series in policy.series}


def part_of(plan: Plan, policy: Policy) -> Plan:
    return replace(
        plan,
        actions=tuple(one for one in plan.actions if one.series.policy == policy.name),
        skipped=tuple(one for one in plan.skipped if one.series.policy == policy.name),
        timetables=tuple(one for one in plan.timetables if one.series.policy == policy.name),
        missed=tuple(one for one in plan.missed if one.series.policy == policy.name),
    )
