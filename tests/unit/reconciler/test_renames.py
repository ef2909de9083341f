"""A renamed policy carries its backups on: one series, one path, whatever it is called."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.errors import SeriesLockedError
from orchestrator.execution.executor import execute
from orchestrator.execution.prune.erase_series import erase_series
from orchestrator.execution.prune.retired import count_retired
from orchestrator.execution.rebuild.compare_catalog import compare_catalog
from orchestrator.execution.rebuild.rebuild_catalog import rebuild_catalog
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.actions import RecoverSeries, TakeBackup
from orchestrator.model.names import PolicyName, RunId, Series
from orchestrator.model.outcome import Failed
from orchestrator.model.plan import Plan, Retry, SkipKind
from orchestrator.model.run import LogAction, RunState
from orchestrator.model.verification import Level
from orchestrator.planning.planner import make_plan
from orchestrator.reconciler.applying.changes import add_changes
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.passes import begin_pass, note_missed, run_pass
from tests.support.builders import a_desired_state, a_policy, a_revision, a_series
from tests.unit.execution.lost_catalogs import facts, without_catalog
from tests.unit.execution.pruning_world import HOUR, PruningWorld
from tests.unit.execution.test_leases_and_recovery import a_world_whose_run_died_at
from tests.unit.execution.world import LOCAL, SERIES, World, by_hand

OFFICE = a_series("office")
PATH = "practice/app"


def rename(world: World, new: str, old: str | None, *, digest: str = "") -> None:
    """Write a policy's new name into the files; ``old`` None writes nothing of a former one."""
    (policy, *others) = world.desired.policies.values()
    former = None if old is None else PolicyName(old)
    named = replace(policy, name=PolicyName(new), renamed_from=former)
    revision = a_revision(digest or f"{new} from {old}")
    world.desired = a_desired_state(named, *others, revision=revision)


def plan_of(world: World) -> Plan:
    execution = world.process()
    seen = observe(world.desired, execution.reader, execution.clock, execution.machine)
    return add_changes(make_plan(world.desired, seen), world.desired, execution.reader)


def a_world_that_ran(days: int = 3, *, daily: str = "30d") -> PruningWorld:
    world = PruningWorld()
    world.keep(daily=daily)
    world.live(days)
    return world


def paths(world: World) -> set[str]:
    return {key.split("/backups/")[0] for key in world.keys("manifest.json")}


def test_a_plan_shows_a_rename_and_no_first_backup_and_writes_nothing():
    world = a_world_that_ran()
    rename(world, "office", "practice")
    before = facts(world)
    plan = plan_of(world)
    assert [type(action) for action in plan.actions] == [TakeBackup]
    assert plan.actions[0].series == OFFICE
    assert "first" not in plan.actions[0].reason
    ((change,)) = plan.changes
    assert (change.kind.value, change.renamed_from) == ("renamed", "practice")
    assert plan.retired == ()
    assert facts(world) == before


def test_a_pass_does_what_its_plan_shows_and_carries_everything_over():
    world = a_world_that_ran()
    known, sequence = world.ids, max(one.sequence for one in world.backups)
    rename(world, "office", "practice")
    run_pass(world.process())
    backups = world.catalog.backups(OFFICE)
    assert known <= {backup.id for backup in backups}
    assert backups[-1].sequence == sequence + 1
    assert world.catalog.backups(SERIES) == []
    assert {backup.path for backup in backups} == paths(world) == {PATH}
    entries = [one for one in world.catalog.log() if one.action is LogAction.RENAME]
    assert [(one.subject, one.detail) for one in entries] == [("office", {"from": "practice"})]
    assert run_pass(world.process()).plan.actions == ()


def test_a_series_goes_on_being_pruned_under_its_new_name():
    world = a_world_that_ran(daily="2d")
    rename(world, "office", "practice")
    world.live(4)
    world.wait(3 * HOUR)
    run_pass(world.process())
    backups = world.catalog.backups(OFFICE)
    assert len(backups) < 7
    assert {stone.series for stone in world.catalog._tombstones} == {OFFICE}
    for backup in backups:
        assert verify_copy(backup, LOCAL, Level.CONTENT, world.process()).passed


def test_a_schedule_keeps_its_date_over_a_rename():
    world = a_world_that_ran()
    ((before,)) = world.catalog.applied()[1]
    rename(world, "office", "practice")
    run_pass(world.process())
    ((after,)) = world.catalog.applied()[1]
    assert after == replace(before, policy=PolicyName("office"))


def test_a_chain_of_names_and_the_way_back_lead_to_one_series():
    world = a_world_that_ran()
    known = world.ids
    for new, old in (("office", "practice"), ("bureau", "office"), ("practice", "bureau")):
        rename(world, new, old)
        world.live(1)
        series = Series(PolicyName(new), SERIES.database)
        assert known <= {backup.id for backup in world.catalog.backups(series)}
    assert paths(world) == {PATH}
    assert count_retired(world.catalog, world.desired) == {}


def test_a_former_name_that_stays_in_the_file_does_nothing_later():
    world = a_world_that_ran()
    rename(world, "office", "practice")
    for _ in range(3):
        world.live(1)
    assert [one.action for one in world.catalog.log()].count(LogAction.RENAME) == 1
    assert plan_of(world).changes == ()


def test_a_backup_by_hand_carries_over_first():
    world = a_world_that_ran()
    rename(world, "office", "practice")
    execution = world.process()
    note_missed(execution)
    outcome = execute(replace(by_hand(), series=OFFICE), execution)
    assert not isinstance(outcome, Failed), outcome
    assert paths(world) == {PATH}


def test_a_first_backup_is_never_taken_beside_one_that_waits_to_be_carried_over():
    world = a_world_that_ran()
    rename(world, "office", "practice")
    outcome = execute(replace(by_hand(), series=OFFICE), world.process())
    assert isinstance(outcome, Failed)
    assert "not carried over" in outcome.error.what
    assert paths(world) == {PATH}
    assert not isinstance(run_pass(world.process()).outcomes[0], Failed)


def test_while_a_run_is_at_work_the_rename_waits_and_the_series_counts_as_locked():
    world = a_world_that_ran()
    holder, now = world.process(), world.clock.now()
    run = RunId("20261125T020000Z-000001")
    lease = world.catalog.acquire(
        SERIES, run, holder=holder.machine.whoami(), now=now, duration=HOUR
    )
    rename(world, "office", "practice")
    plan = begin_pass(world.process(), Retry.AT_ONCE)
    assert plan.actions == ()
    assert next(skip.kind for skip in plan.skipped if skip.series == OFFICE) is SkipKind.LOCKED
    assert len(world.catalog.backups(SERIES)) == 3
    world.catalog.release(lease)
    run_pass(world.process())
    assert len(world.catalog.backups(OFFICE)) == 4


def test_what_a_dead_run_completed_is_adopted_under_the_new_name():
    world = a_world_whose_run_died_at("record_backup")
    world.kill_all()
    rename(world, "office", "practice")
    result = run_pass(world.process())
    assert isinstance(result.plan.actions[0], RecoverSeries)
    (backup, *_) = world.catalog.backups(OFFICE)
    assert backup.series == OFFICE
    assert next(run.state for run in world.catalog.runs(OFFICE)) is RunState.INTERRUPTED
    assert world.catalog.backups(SERIES) == []


def test_a_name_that_has_backups_of_its_own_carries_nothing_on_and_says_so():
    world = a_world_that_ran()
    rename(world, "office", None)
    world.live(1)
    rename(world, "office", "practice", digest="later")
    result = run_pass(world.process())
    (refused,) = [one for one in result.plan.skipped if one.kind is SkipKind.RENAME_REFUSED]
    assert "both have backups" in refused.reason
    assert (len(world.catalog.backups(SERIES)), len(world.catalog.backups(OFFICE))) == (3, 2)
    world.live(1)
    assert paths(world) == {PATH, "office/app"}


def test_another_policy_of_the_former_name_gets_a_path_of_its_own():
    world = a_world_that_ran()
    rename(world, "office", "practice")
    world.live(1)
    (office,) = world.desired.policies.values()
    policies = (replace(office, renamed_from=None), replace(a_policy(), after_backup=Level.OBJECTS))
    world.desired = a_desired_state(*policies, revision=a_revision("both"))
    run_pass(world.process())
    assert [one.path for one in world.catalog.backups(SERIES)] == ["practice%7E2/app"]
    assert {one.path for one in world.catalog.backups(OFFICE)} == {PATH}
    assert not compare_catalog(world.process()).differences
    lost = without_catalog(world)
    lost.desired = world.desired
    assert rebuild_catalog(LOCAL, lost.process()).troubles == ()
    assert facts(lost) == facts(world)


@pytest.mark.parametrize("days_after", [0, 2], ids=["no_backup_since", "backups_since"])
def test_a_lost_catalog_is_rebuilt_and_told_again_by_renamed_from(days_after: int):
    world = a_world_that_ran()
    rename(world, "office", "practice")
    begin_pass(world.process(), Retry.AT_ONCE)
    world.live(days_after)
    lost = without_catalog(world)
    lost.desired = world.desired
    assert rebuild_catalog(LOCAL, lost.process()).troubles == ()
    known = {backup.id for backup in lost.catalog.backups()}
    assert known == world.manifests
    run_pass(lost.process())
    backups = lost.catalog.backups(OFFICE)
    assert known <= {backup.id for backup in backups}
    assert {backup.path for backup in backups} == {PATH}
    assert lost.catalog.rebuilt_series().keys() == {OFFICE}


def test_the_former_name_cannot_be_erased_before_it_is_carried_over():
    world = a_world_that_ran()
    rename(world, "office", "practice")
    with pytest.raises(Exception, match="is not retired"):
        erase_series(SERIES, world.process())
    run_pass(world.process())
    world.desired = a_desired_state(a_policy("payroll"), revision=a_revision("gone"))
    assert erase_series(OFFICE, world.process()).copies == 4
    assert world.keys("practice/") == []


def test_a_pass_that_dies_over_a_rename_is_finished_by_the_next():
    world = a_world_that_ran()
    rename(world, "office", "practice")

    def dies(name: str) -> None:
        if name == "record_applied":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_pass(world.process(dies))
    world.wait(timedelta(minutes=1))
    run_pass(world.process())
    assert len(world.catalog.backups(OFFICE)) == 4
    assert [one.name for one in world.catalog.applied_policies()] == ["office"]


def test_a_lock_that_came_between_is_not_an_error_of_the_pass(monkeypatch: pytest.MonkeyPatch):
    world = a_world_that_ran()
    rename(world, "office", "practice")

    def locked(*_: object, **__: object) -> bool:
        raise SeriesLockedError("somebody is", next_step="wait")

    monkeypatch.setattr(world.catalog, "record_renamed", locked)
    (outcome,) = run_pass(world.process()).outcomes
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-701"
