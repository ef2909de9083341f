"""An older catalog put back neither prunes what is held nor forks the chain that it does not know (F74)."""

from dataclasses import replace

import pytest

from orchestrator.archive.layout import manifest_key
from orchestrator.archive.manifest import decode_manifest
from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.execution.executor import execute
from orchestrator.execution.marks.mark_backup import (
    acknowledge_backup,
    hold_backup,
    release_backup,
)
from orchestrator.model.actions import PruneCopy
from orchestrator.model.backup import Backup
from orchestrator.model.marks import Hold
from orchestrator.model.names import DestinationName
from orchestrator.model.outcome import Failed, NotNeeded, Succeeded
from tests.unit.execution.lost_catalogs import (
    a_world_with,
    an_older_catalog,
    rebuild,
    take_backups,
)
from tests.unit.execution.pruning_world import DELAY, HOUR, PruningWorld
from tests.unit.execution.world import LOCAL, SERIES, Fate, Killed, World, by_hand


def a_world_with_a_ripe_copy() -> tuple[PruningWorld, PruneCopy]:
    """The oldest copy may go, and a plan says so."""
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    action = PruneCopy(
        series=SERIES, backup=world.backups[0].id, destination=LOCAL, allowed=False, reason="ripe"
    )
    return world, action


def hold(world: World, backup: Backup) -> None:
    marked = hold_backup(backup, reason="the audit", until=None, execution=world.process())
    assert not marked.troubles


# ---------------------------------------------------------------- marks at the place
def test_a_hold_that_only_the_place_knows_keeps_the_copy_and_is_learnt():
    world, action = a_world_with_a_ripe_copy()
    older = an_older_catalog(world)
    hold(world, world.backups[0])
    world.catalog = older
    assert not world.backups[0].holds
    outcome = execute(action, world.process())
    assert isinstance(outcome, NotNeeded), outcome
    assert "held" in outcome.summary
    assert action.backup in world.manifests
    assert [hold.reason for hold in world.backups[0].holds] == ["the audit"]
    world.do_pass()
    assert action.backup in world.manifests
    assert world.backups[0].copies[0].expired_at is None


def test_a_hold_that_was_released_at_the_place_keeps_nothing():
    world, action = a_world_with_a_ripe_copy()
    older = an_older_catalog(world)
    hold(world, world.backups[0])
    release_backup(world.backups[0], world.process())
    world.catalog = older
    assert isinstance(execute(action, world.process()), Succeeded)


def test_a_mark_that_the_catalog_does_not_know_and_nobody_can_read_stops_the_prune():
    world, action = a_world_with_a_ripe_copy()
    older = an_older_catalog(world)
    hold(world, world.backups[0])
    (key,) = world.keys("/marks/")
    world.objects[key] = world.objects[key][:-3]
    known, world.catalog = world.catalog, older
    outcome = execute(action, world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-403"
    assert "a mark of it cannot be read" in outcome.error.what
    world.catalog = known
    assert "held" in str(execute(action, world.process())), "one that is known need not be read"
    assert action.backup in world.manifests


# ---------------------------------------------------------------- newer backups at the place
def put_back(world: World, newer: int = 1) -> MemoryCatalog:
    """Put a copy of the catalog back after more backups; return the catalog that knows them."""
    older, newest = an_older_catalog(world), world.catalog
    take_backups(world, newer)
    world.catalog = older
    return newest


def test_a_backup_by_an_older_catalog_says_so_and_follows_the_newest_that_lies_there():
    world = a_world_with(2)
    newest = put_back(world).backups(SERIES)[-1]
    outcome = execute(by_hand(), world.process())
    assert isinstance(outcome, Succeeded)
    (warning,) = outcome.warnings
    assert "up to number 2" in warning
    assert "is number 3" in warning
    assert "`orchestrator catalog rebuild --from local` reads in what is missing" in warning
    backup = world.catalog.backups(SERIES)[-1]
    manifest = decode_manifest(world.objects[manifest_key(backup.path, backup.id)])
    assert (manifest.sequence, manifest.previous_digest) == (4, newest.manifest_digest)


@pytest.mark.parametrize("backups", [2, 9])
def test_it_says_so_until_the_catalog_is_rebuilt(backups: int):
    world = a_world_with(2)
    put_back(world)
    outcomes = [execute(by_hand(), world.process()) for _ in range(backups)]
    said = [len(one.warnings) for one in outcomes if isinstance(one, Succeeded)]
    assert said == [1] * backups
    (noted,) = [
        one for one in world.catalog.log() if "another catalog" in one.detail.get("what", "")
    ]
    assert noted.detail["next"] == "`orchestrator catalog rebuild --from local` reads it in"
    rebuild(world)
    outcome = execute(by_hand(), world.process())
    assert isinstance(outcome, Succeeded)
    assert outcome.warnings == ()


def test_a_rebuild_lets_it_go_on_where_the_chain_ends():
    world = a_world_with(2)
    put_back(world, newer=2)
    execute(by_hand(), world.process())
    rebuild(world)
    (backup,) = take_backups(world, 1)
    assert backup.sequence == 6
    backups = world.catalog.backups(SERIES)
    assert len({one.sequence for one in backups}) == len(backups)


def test_an_older_catalog_prunes_nothing():
    world, action = a_world_with_a_ripe_copy()
    put_back(world)
    before = world.manifests
    outcome = execute(action, world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-310"
    assert world.manifests == before


def test_it_prunes_nothing_after_backups_of_its_own_either():
    world, action = a_world_with_a_ripe_copy()
    put_back(world)
    take_backups(world, 3)
    before = world.manifests
    outcome = execute(action, world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-310"
    assert world.manifests == before
    rebuild(world)
    acknowledge_backup(world.backups[0], reason="seen", execution=world.process())
    assert isinstance(execute(action, world.process()), Succeeded)


def test_what_a_killed_run_of_this_catalog_left_is_adopted_and_not_refused():
    for dies_at in range(1, 400, 7):
        world = a_world_with(1)
        fate = Fate(dies_at=dies_at)
        try:
            execute(by_hand(), world.process(fate.step))
        except Killed:
            world.kill_all()
        assert isinstance(execute(by_hand(), world.process()), Succeeded), dies_at
        if not fate.is_dead:
            return


def test_a_manifest_of_our_own_that_came_too_late_stays_a_stranger():
    world = a_world_with(2)
    backup = world.catalog.backups(SERIES)[-1]
    del world.catalog._backups[backup.id]
    assert isinstance(execute(by_hand(), world.process()), Succeeded)


def test_a_copy_of_a_known_backup_at_another_place_refuses_nothing():
    world = a_world_with(2)
    catalog = world.catalog
    backup = catalog.backups(SERIES)[0]
    elsewhere = replace(backup.copies[0], destination=DestinationName("offsite"))
    catalog._backups[backup.id] = replace(backup, copies=(elsewhere,))
    assert isinstance(execute(by_hand(), world.process()), Succeeded)


def test_a_hold_is_read_by_its_name_so_a_known_one_is_not_recorded_twice():
    world, action = a_world_with_a_ripe_copy()
    hold(world, world.backups[0])
    execute(action, world.process())
    marks = world.catalog.marks(action.backup)
    assert [type(mark) for mark in marks] == [Hold]
