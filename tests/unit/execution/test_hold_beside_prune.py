"""A hold on a copy whose removal has begun saves it, or says in words that it comes too late (F08)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.errors import BackupNotFoundError, PruneRefusedError, SeriesLockedError
from orchestrator.execution.marks.mark_backup import hold_backup
from orchestrator.execution.prune.erase_series import erase_series
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import ObjectKey
from orchestrator.model.outcome import NotNeeded
from orchestrator.reconciler.passes import run_pass
from tests.support.builders import a_desired_state
from tests.unit.execution.pruning_world import DELAY, HOUR, PruningWorld
from tests.unit.execution.world import SERIES, Killed


def a_ripe_world() -> PruningWorld:
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    return world


def killed_before(name: str, world: PruningWorld) -> Backup:
    """A pass is killed before its first call of this name; return the oldest backup."""
    oldest = world.backups[0]

    def die(call: str) -> None:
        if call == name:
            raise Killed

    with pytest.raises(Killed):
        run_pass(world.process(die, workers=1))
    world.kill_all()
    return world.catalog.backup(oldest.id) or oldest


def behind_the_tombstone() -> tuple[PruningWorld, Backup]:
    """A prune died when its tombstone was written, and nothing of the copy was removed."""
    world = a_ripe_world()
    oldest = world.backups[0]

    def die(_: str) -> None:
        backup = world.catalog.backup(oldest.id)
        if backup is not None and backup.copies[0].state is CopyState.PRUNING:
            raise Killed

    with pytest.raises(Killed):
        run_pass(world.process(die, workers=1))
    world.kill_all()
    going = world.backups[0]
    assert (going.id, going.copies[0].state) == (oldest.id, CopyState.PRUNING)
    assert going.id in world.manifests
    return world, going


def hold(world: PruningWorld, backup: Backup) -> Backup:
    return hold_backup(backup, reason="audit", until=None, execution=world.process()).backup


def test_a_hold_behind_the_tombstone_takes_it_back_and_keeps_the_copy():
    world, going = behind_the_tombstone()
    held = hold(world, going)
    assert held.copies[0].state is CopyState.COMPLETE
    for _ in range(3):
        world.do_pass()
        world.wait(HOUR)
    assert going.id in world.ids & world.manifests
    world.assert_sound()


def test_a_pass_decides_a_removal_again_that_somebody_holds_since():
    world, going = behind_the_tombstone()
    world.catalog._marks.setdefault(going.id, {})
    older = world.catalog._backups[going.id]
    hold(world, going)
    # As if it had come between the tombstone and the end of the process, from another host.
    holds = world.catalog._backups[going.id].holds
    world.catalog._backups[going.id] = replace(older, holds=holds)
    result = world.do_pass()
    assert any(isinstance(one, NotNeeded) and "stays" in one.summary for one in result.outcomes)
    assert world.backups[0].copies[0].state is CopyState.COMPLETE
    assert going.id in world.manifests


def test_a_removal_that_a_guard_forbids_by_now_is_taken_back_and_goes_on_later():
    world, going = behind_the_tombstone()
    database = world.server.databases.pop("app")
    world.wait(HOUR * 24)
    world.do_pass()
    world.do_pass()
    assert going.id in world.manifests
    assert world.backups[0].copies[0].state is CopyState.COMPLETE
    world.server.databases["app"] = database
    world.do_pass()
    assert going.id not in world.manifests


def test_a_removal_that_nothing_forbids_is_finished_by_the_next_pass():
    world, going = behind_the_tombstone()
    world.do_pass()
    assert going.id not in world.ids | world.manifests


def test_a_hold_that_comes_too_late_is_refused_in_words():
    world, going = behind_the_tombstone()
    del world.objects[ObjectKey(f"{going.path}/backups/{going.id}/manifest.json")]
    with pytest.raises(BackupNotFoundError, match="its manifest is gone"):
        hold(world, going)
    assert world.catalog.marks(going.id) == []
    world.do_pass()
    with pytest.raises(BackupNotFoundError, match="removed in the meantime"):
        hold(world, going)


def test_a_hold_between_the_decision_and_the_tombstone_keeps_the_copy():
    world = a_ripe_world()
    going = world.backups[0]
    run_pass(world.process(once("record_prune_started", lambda: hold(world, going)), workers=1))
    assert going.id in world.ids & world.manifests
    assert world.backups[0].copies[0].state is CopyState.COMPLETE


def test_a_hold_between_the_tombstone_and_the_manifest_is_refused_or_keeps_the_copy():
    """Its removal is under way: it waits for its end, and says so."""
    for name in ("backup", "is_held", "remove", "record_pruned"):
        world = a_ripe_world()
        going = world.backups[0]
        said: list[BaseException] = []

        def try_to_hold(
            world: PruningWorld = world,
            going: Backup = going,
            said: list[BaseException] = said,
        ) -> None:
            listed = world.catalog.backup(going.id)
            if listed is not None and listed.copies[0].state is CopyState.PRUNING:
                with pytest.raises(SeriesLockedError) as error:
                    hold(world, going)
                said.append(error.value)

        run_pass(world.process(once(name, try_to_hold), workers=1))
        assert not said or going.id not in world.manifests, name


def once(name: str, work: Callable[[], object]) -> Callable[[str], None]:
    """Do something before the calls of this name, but not before those that it makes itself."""
    busy: list[str] = []

    def before(call: str) -> None:
        if call == name and not busy:
            busy.append(call)
            work()
            busy.clear()

    return before


def test_an_erasure_stops_at_a_backup_that_is_held_meanwhile():
    world = PruningWorld()
    world.live(2)
    world.desired = a_desired_state()
    newest = world.backups[-1]
    calls = once("record_prune_started", lambda: hold(world, newest))
    with pytest.raises(PruneRefusedError, match="is held"):
        erase_series(SERIES, world.process(calls))
    assert newest.id in world.ids & world.manifests
    assert world.catalog.backup(newest.id).copies[0].state is CopyState.COMPLETE  # type: ignore[union-attr] - it is listed
