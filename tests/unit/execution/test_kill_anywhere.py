"""kill -9 before any call of any port, and once more during the recovery (faults F01-F06, I3, I16)."""

import random
from contextlib import suppress

from orchestrator.archive.layout import parse_manifest_key
from orchestrator.execution.executor import execute
from orchestrator.execution.restore.restore_backup import restore_into_new
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.outcome import Failed
from orchestrator.model.run import RunState
from orchestrator.model.verification import Level
from tests.support.builders import a_source
from tests.unit.execution.world import LOCAL, SERIES, Fate, Killed, World, a_backup_action


def a_process_that_dies_at(call: int, world: World, *, workers: int = 1) -> bool:
    """Take the due backup in a process that dies before its n-th call; whether it got so far."""
    fate = Fate(dies_at=call)
    with suppress(Killed):
        execute(a_backup_action(), world.process(fate.step, workers=workers))
    world.kill_all()
    return fate.is_dead


def assert_converged(world: World) -> None:
    """One more pass finishes the work: one backup for the slot, listed and proved; no leavings."""
    outcome = execute(a_backup_action(), world.process())
    assert not isinstance(outcome, Failed), outcome
    (backup,) = world.catalog.backups(SERIES)
    manifests = [parse_manifest_key(key) for key in world.objects if parse_manifest_key(key)]
    assert manifests == [(backup.path, backup.id)]
    assert verify_copy(backup, LOCAL, Level.CONTENT, world.process()).passed
    assert world.catalog.leases() == []
    assert world.keys("/intents/") == []
    assert all(run.state is not RunState.RUNNING for run in world.catalog.runs(SERIES))
    assert world.server.open_snapshots == 0


def test_a_process_killed_before_any_call_leaves_what_the_next_one_finishes():
    call = 1
    while a_process_that_dies_at(call, world := World()):
        assert_converged(world)
        call += 1
    assert call > 60


def test_a_process_killed_in_the_recovery_of_a_killed_one_leaves_what_the_next_one_finishes():
    chance = random.Random(20261122)
    for _ in range(150):
        world = World()
        for _ in range(3):
            a_process_that_dies_at(chance.randrange(1, 90), world, workers=2)
        assert_converged(world)


def test_what_was_finished_after_a_kill_restores_equal():
    for call in (20, 45, 70):
        world = World()
        a_process_that_dies_at(call, world)
        assert_converged(world)
        (backup,) = world.catalog.backups(SERIES)
        restore_into_new(
            backup,
            name="again",
            prove=True,
            server_url=a_source().restore_url,
            execution=world.process(),
        )
        assert world.has_equal("again", "app")


def test_a_restore_killed_before_any_call_leaves_the_final_name_free():
    world = World()
    execute(a_backup_action(), world.process())
    (backup,) = world.catalog.backups(SERIES)
    call, reached = 0, True
    while reached:
        call += 1
        fate = Fate(dies_at=call)
        execution = world.process(fate.step, workers=1)
        url = a_source().restore_url
        with suppress(Killed):
            restore_into_new(backup, name="again", prove=True, server_url=url, execution=execution)
        reached = fate.is_dead
        # The last call of a restore logs its success: by then the name is given, rightly.
        if "again" in world.server.databases:
            assert world.has_equal("again", "app")
            world.server.databases.pop("again")
    assert call > 10
