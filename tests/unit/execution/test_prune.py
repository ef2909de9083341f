"""Copies that no rule keeps are marked, pruned after a delay, and nothing else is (I4, I5, F08, F09)."""

from dataclasses import replace
from datetime import timedelta

from orchestrator.execution.executor import execute
from orchestrator.model.actions import CollectChunks, PruneCopy
from orchestrator.model.backup import CopyState
from orchestrator.model.outcome import Failed, NotNeeded, Succeeded
from orchestrator.model.plan import SkipKind
from orchestrator.model.run import LogAction, LogOutcome
from tests.unit.execution.pruning_world import DAY, DELAY, HOUR, PruningWorld, kinds
from tests.unit.execution.world import LOCAL, SERIES

WAIT = timedelta(hours=6) + DAY
"""`max_duration` of the test policy, and the grace of a day."""


def test_a_copy_is_marked_when_no_rule_keeps_it_and_pruned_after_the_delay():
    world = PruningWorld()
    world.live(2)
    oldest = world.backups[0]
    assert kinds(world.do_pass().outcomes) == ["TakeBackup", "MarkExpired"]
    assert world.backups[0].copies[0].expired_at is not None
    assert oldest.id in world.manifests
    world.wait(DELAY + HOUR)
    assert kinds(world.do_pass().outcomes) == ["PruneCopy", "CollectChunks"]
    assert oldest.id not in world.ids | world.manifests
    assert world.keys(f"/{oldest.id}/") == []
    world.assert_sound()


def test_a_second_pass_has_nothing_to_do():
    world = PruningWorld()
    for _ in range(8):
        world.live(1)
        world.wait(DELAY + HOUR)
        world.do_pass()
        again = world.do_pass()
        assert (again.plan.actions, again.outcomes) == ((), ())


def test_every_prune_leaves_a_tombstone_and_two_log_entries_with_the_reason():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    world.do_pass()
    entries = [e for e in world.catalog.log() if e.action is LogAction.PRUNE]
    assert [e.outcome for e in entries] == [LogOutcome.STARTED, LogOutcome.SUCCEEDED]
    assert "daily 2d" in entries[1].detail["reason"]
    (stone,) = world.catalog.tombstones(since=world.clock.time - DAY)[SERIES]
    assert stone.backup == entries[0].detail["backup"]
    assert stone.expired_at is not None


def test_a_copy_that_a_rule_keeps_again_before_the_delay_is_over_is_saved():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    before = world.ids
    world.keep(daily="30d")
    assert kinds(world.do_pass().outcomes)[0] == "KeepAgain"
    world.wait(DELAY + HOUR)
    world.do_pass()
    assert before <= world.ids
    assert all(backup.copies[0].expired_at is None for backup in world.backups)


def test_waiting_copies_are_shown_with_the_time_at_which_they_may_go():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    (skip,) = [s for s in world.do_pass().plan.skipped if s.kind is SkipKind.EXPIRED]
    assert skip.until == world.backups[0].copies[0].expired_at + DELAY
    assert world.backups[0].id in skip.reason


def test_nothing_is_pruned_while_the_latest_attempt_failed():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    database = world.server.databases.pop("app")
    world.wait(DAY)
    before = world.manifests
    world.do_pass()
    refusals = [s for s in world.do_pass().plan.skipped if s.kind is SkipKind.PRUNE_REFUSED]
    assert "the latest attempt failed: there is no database" in refusals[0].reason
    assert world.manifests == before
    world.server.databases["app"] = database
    world.do_pass()
    assert world.manifests & before == {backup.id for backup in world.backups[:2]}
    assert len(before) == 3


def test_a_prune_planned_before_the_backup_failed_is_refused_under_the_lease():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    action = a_prune(world)
    world.server.databases.clear()
    world.wait(DAY)
    world.do_pass()
    outcome = execute(action, world.process())
    assert isinstance(outcome, NotNeeded)
    assert "the latest attempt failed" in outcome.summary
    assert action.backup in world.manifests


def a_prune(world: PruningWorld) -> PruneCopy:
    """A plan's order to prune the oldest copy, from before it was carried out."""
    oldest = world.backups[0]
    return PruneCopy(
        series=SERIES, backup=oldest.id, destination=LOCAL, allowed=True, reason="a test wants it"
    )


def test_the_newest_verified_copy_stays_whatever_a_plan_says():
    world = PruningWorld()
    world.live(1)
    marked = replace(world.backups[0].copies[0], expired_at=world.clock.time - DAY)
    world.catalog._backups[world.backups[0].id] = replace(world.backups[0], copies=(marked,))
    for state in (CopyState.COMPLETE, CopyState.PRUNING):
        backup = world.backups[0]
        tampered = replace(backup, copies=(replace(marked, state=state),))
        world.catalog._backups[backup.id] = tampered
        outcome = execute(a_prune(world), world.process())
        assert isinstance(outcome, NotNeeded), outcome
    assert len(world.manifests) == 1


def test_a_copy_stays_if_the_better_one_is_not_really_there():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY)
    for key in world.keys(f"/{world.backups[-1].id}/manifest.json"):
        del world.objects[key]
    outcome = execute(a_prune(world), world.process())
    assert isinstance(outcome, NotNeeded)
    assert "has no manifest there" in outcome.summary
    assert [copy.state for copy in world.backups[-1].copies] == [CopyState.DAMAGED]


def test_a_copy_that_was_never_marked_is_not_pruned():
    world = PruningWorld()
    world.live(2)
    outcome = execute(a_prune(world), world.process())
    assert isinstance(outcome, NotNeeded)
    assert a_prune(world).backup in world.manifests


def test_a_suspicious_backup_stops_pruning_until_it_is_acknowledged():
    world = PruningWorld()
    world.live(3)
    world.server.databases["app"].tables = {
        name: [] for name in world.server.databases["app"].tables
    }
    world.do_pass()
    world.wait(DELAY + DAY)
    plan = world.do_pass().plan
    assert not any(isinstance(action, PruneCopy) for action in plan.actions)
    assert len(world.manifests) >= 4


def test_a_damaged_newest_copy_lets_nothing_verified_go_for_it():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY)
    newest = world.backups[-1]
    for key in world.keys(f"/{newest.id}/details"):
        world.objects[key] = b"rotten"
    result = world.do_pass()
    assert not any(isinstance(outcome, Failed) for outcome in result.outcomes)
    assert any(isinstance(outcome, Succeeded) for outcome in result.outcomes)
    assert len(world.manifests) >= 2


def test_a_collection_removes_what_nothing_names_only_after_the_wait():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    world.do_pass()
    orphans = world.orphans
    assert orphans
    world.clock.time += WAIT - HOUR
    execute(a_collection(), world.process())
    assert world.orphans == orphans
    world.clock.time += HOUR
    outcome = execute(a_collection(), world.process())
    assert isinstance(outcome, Succeeded), outcome
    assert not set(orphans) & set(world.objects)
    world.assert_sound()


def a_collection() -> CollectChunks:
    return CollectChunks(series=SERIES, destination=LOCAL, reason="a test wants it")
