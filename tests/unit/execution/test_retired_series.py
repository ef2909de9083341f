"""Nothing is pruned because a policy file is missing; only `erase` removes a retired series (F76)."""

from dataclasses import replace

import pytest

from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import (
    DestinationUnreachableError,
    OrchestratorError,
    PruneRefusedError,
    UsageError,
)
from orchestrator.execution.marks.mark_backup import hold_backup
from orchestrator.execution.prune.erase_series import Erasure, erase_series
from orchestrator.execution.prune.retired import count_retired
from orchestrator.model.names import DestinationName
from orchestrator.model.run import LogAction
from tests.support.builders import a_desired_state, a_policy, a_series
from tests.unit.execution.pruning_world import DAY, PruningWorld
from tests.unit.execution.test_prune import WAIT
from tests.unit.execution.world import LOCAL, SERIES, Opener


def a_retired_world() -> PruningWorld:
    world = PruningWorld()
    world.live(3)
    other = replace(a_policy("payroll"), schedules=())
    world.desired = a_desired_state(other)
    world.server.databases["wages"] = world.server.databases["app"]
    return world


def test_a_retired_series_is_kept_as_it_is_for_ever():
    world = a_retired_world()
    before = set(world.objects)
    for _ in range(5):
        world.wait(30 * DAY)
        world.do_pass(allow_prune=100)
    assert before <= world.objects.keys()
    assert count_retired(world.catalog, world.desired) == {SERIES: len(world.backups)}


def test_an_erased_series_leaves_tombstones_and_nothing_else():
    world = a_retired_world()
    stored = world.ids
    erasure = erase_series(SERIES, world.process())
    assert erasure.copies == len(stored)
    assert world.backups == []
    assert world.keys("practice/") == []
    stones = world.catalog.tombstones(since=world.clock.time - DAY)[SERIES]
    assert stored <= {stone.backup for stone in stones}
    assert [e.action for e in world.catalog.log()].count(LogAction.ERASE) == 2 * len(stored)


def refused_with(error: type[OrchestratorError], world: PruningWorld) -> str:
    before = dict(world.objects)
    with pytest.raises(error) as caught:
        erase_series(SERIES, world.process())
    assert world.objects == before
    return caught.value.what


def test_a_series_that_a_policy_names_is_not_erased():
    world = PruningWorld()
    world.live(1)
    assert "is not retired" in refused_with(PruneRefusedError, world)


def test_a_series_with_a_held_backup_is_not_erased():
    world = a_retired_world()
    hold_backup(world.backups[0], reason="audit", until=None, execution=world.process())
    assert world.backups[0].id in refused_with(PruneRefusedError, world)


def a_move_fails(call: str) -> None:
    if call == "move_aside":
        raise DestinationUnreachableError("it is away", next_step="bring it back")


def test_an_erasure_that_was_broken_off_after_the_last_copy_goes_on():
    world = a_retired_world()
    with pytest.raises(DestinationUnreachableError):
        erase_series(SERIES, world.process(a_move_fails))
    assert world.backups == []
    assert world.keys("practice/") != []
    erasure = erase_series(SERIES, world.process())
    assert erasure.copies == 0
    assert len(erasure.collected[LOCAL].removed) > 0
    assert world.keys("practice/") == []
    assert erase_series(SERIES, world.process()) == Erasure(copies=0, collected={})


def test_what_remains_of_a_series_is_erased_at_every_place_that_the_catalog_knows():
    world = a_retired_world()
    with pytest.raises(DestinationUnreachableError):
        erase_series(SERIES, world.process(a_move_fails))
    second = MemoryDestination(DestinationName("offsite"))
    second._objects.update(world.objects)
    world.catalog.record_destination(second.name, world.catalog.destination_marker(LOCAL) or "")
    world.desired = a_desired_state(a_policy("payroll", destinations=("local", "offsite")))
    execution = world.process()
    places = {LOCAL: execution.destinations.open(LOCAL), second.name: second}
    erasure = erase_series(SERIES, replace(execution, destinations=Opener(places)))
    assert [*erasure.collected] == [LOCAL, second.name]
    assert [info.key for info in second.list("practice/")] == world.keys("practice/") == []


def test_what_remains_of_a_series_that_is_declared_again_is_not_erased():
    world = a_retired_world()
    with pytest.raises(DestinationUnreachableError):
        erase_series(SERIES, world.process(a_move_fails))
    world.desired = PruningWorld().desired
    assert "is not retired" in refused_with(PruneRefusedError, world)


def test_a_series_without_backups_cannot_be_erased():
    world = a_retired_world()
    with pytest.raises(UsageError):
        erase_series(a_series("nobody", "nothing"), world.process())


def test_a_policy_that_comes_back_goes_on_where_it_was():
    world = PruningWorld()
    world.live(3)
    declared, known = world.desired, world.ids
    world.desired = a_desired_state(replace(a_policy("payroll"), schedules=()))
    world.server.databases["wages"] = world.server.databases["app"]
    world.clock.time += WAIT
    world.do_pass()
    world.desired = declared
    world.do_pass()
    assert len(known - world.ids) <= 1
    world.assert_sound()
