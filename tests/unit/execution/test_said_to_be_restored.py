"""Whoever restores says so at the places that he reads, and nothing goes from there meanwhile (§6)."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from typing_extensions import override

from orchestrator.archive.intent import Intent, Purpose, decode_intent
from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import (
    DestinationFullError,
    DestinationPermissionError,
    DestinationUnreachableError,
    OrchestratorError,
    PruneRefusedError,
)
from orchestrator.execution.context import Execution
from orchestrator.execution.executor import execute
from orchestrator.execution.prune.erase_series import erase_series
from orchestrator.execution.restore import announcing
from orchestrator.execution.restore.announcing import ANNOUNCED_FOR, announced_restore
from orchestrator.execution.restore.restore_backup import RestoreReport, restore_into_new
from orchestrator.model.backup import Backup
from orchestrator.model.names import ObjectKey
from orchestrator.model.outcome import NotNeeded, Outcome, Succeeded
from tests.support.builders import a_desired_state, a_policy, a_source
from tests.unit.execution.pruning_world import DELAY, HOUR, PruningWorld
from tests.unit.execution.test_collection import a_world_with_ripe_chunks
from tests.unit.execution.test_prune import a_collection, a_prune
from tests.unit.execution.test_retired_series import a_retired_world
from tests.unit.execution.world import SERIES, Killed, Opener, World, by_hand


def restore(backup: Backup, execution: Execution, name: str = "again") -> RestoreReport:
    url = a_source().restore_url
    return restore_into_new(backup, name=name, prove=True, server_url=url, execution=execution)


def while_it_reads(work: Callable[[], object]) -> Callable[[str], None]:
    """Do something else after the details were read, and before the first chunk is."""

    def before(call: str) -> None:
        if call == "create_database":
            work()

    return before


def intents(world: World) -> list[Intent]:
    return [decode_intent(world.objects[key]) for key in world.keys("/intents/")]


def a_world_with_something_to_prune() -> PruningWorld:
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    return world


def killed_restore(backup: Backup, world: World) -> None:
    is_dead = []

    def die(call: str) -> None:
        is_dead.extend([call] if call == "create_database" else [])
        if is_dead:
            raise Killed

    with suppress(Killed):
        restore(backup, world.process(die))


def test_a_restore_says_so_while_it_reads_and_takes_it_back_at_its_end():
    world = World()
    execute(by_hand(), world.process())
    seen: list[Intent] = []
    (backup,) = world.catalog.backups(SERIES)
    restore(backup, world.process(while_it_reads(lambda: seen.extend(intents(world)))))
    (intent,) = seen
    assert (intent.purpose, intent.series) == (Purpose.RESTORE, SERIES)
    assert timedelta(0) < intent.until - world.clock.time < ANNOUNCED_FOR
    assert intents(world) == []


def test_a_copy_is_not_pruned_while_a_restore_reads_and_is_afterwards():
    world = a_world_with_something_to_prune()
    oldest, outcomes = world.backups[0], list[Outcome]()
    prune = while_it_reads(lambda: outcomes.append(execute(a_prune(world), world.process())))
    assert restore(oldest, world.process(prune)).proved
    (outcome,) = outcomes
    assert isinstance(outcome, NotNeeded)
    assert "says that it is at work there" in outcome.summary
    assert isinstance(execute(a_prune(world), world.process()), Succeeded)
    assert oldest.id not in world.ids


def test_no_chunk_is_collected_while_a_restore_reads():
    world = a_world_with_ripe_chunks()
    before, after = set(world.keys("/chunks/")), set[ObjectKey]()

    def collect() -> None:
        execute(a_collection(), world.process())
        after.update(world.keys("/chunks/"))

    restore(world.backups[-1], world.process(while_it_reads(collect)))
    assert before == after
    execute(a_collection(), world.process())
    assert before > set(world.keys("/chunks/"))


def test_a_series_is_not_erased_while_somebody_restores_it():
    world = a_retired_world()

    def erase() -> None:
        with pytest.raises(PruneRefusedError, match="says that it is at work there"):
            erase_series(SERIES, world.process())

    newest = world.backups[-1]
    assert restore(newest, world.process(while_it_reads(erase))).proved
    erase_series(SERIES, world.process())
    assert world.keys("practice/") == []


def test_a_restore_that_was_killed_hinders_nobody_for_longer_than_it_said():
    world = a_world_with_something_to_prune()
    killed_restore(world.backups[0], world)
    assert len(intents(world)) == 1
    assert isinstance(execute(a_prune(world), world.process()), NotNeeded)
    world.wait(ANNOUNCED_FOR)
    assert isinstance(execute(a_prune(world), world.process()), Succeeded)
    execute(a_collection(), world.process())
    world.wait(timedelta(days=2))
    execute(a_collection(), world.process())
    assert world.keys("/intents/") == []


class Stubborn(MemoryDestination):
    """A place that takes, or lets go of, nothing."""

    def __init__(self, world: World, error: OrchestratorError, *, of: str) -> None:
        super().__init__(world.place.name)
        self._objects, self._error, self._of = world.objects, error, of

    @override
    def create(self, key: ObjectKey, data: bytes) -> None:
        if self._of == "create":
            raise self._error
        super().create(key, data)

    @override
    def remove(self, key: ObjectKey) -> None:
        if self._of == "remove":
            raise self._error
        super().remove(key)


@pytest.mark.parametrize("of", ["create", "remove"])
@pytest.mark.parametrize(
    "kind", [DestinationFullError, DestinationPermissionError, DestinationUnreachableError]
)
def test_a_place_that_takes_or_lets_go_of_nothing_stops_no_restore(
    kind: type[OrchestratorError], of: str, caplog: pytest.LogCaptureFixture
):
    world = World()
    execute(by_hand(), world.process())
    (backup,) = world.catalog.backups(SERIES)
    place = Stubborn(world, kind("it will not", next_step="ask it"), of=of)
    execution = replace(world.process(), destinations=Opener({place.name: place}))
    with caplog.at_level(logging.WARNING):
        assert restore(backup, execution).proved
    assert world.has_equal("again", "app")
    events = [record.message for record in caplog.records]
    assert events == ["restore_not_announced" if of == "create" else "intent_not_removed"]


class Hung(MemoryDestination):
    """A place that answers whoever reads, and nobody who says something, until it is mended."""

    def __init__(self, world: World, mended: threading.Event) -> None:
        super().__init__(world.place.name)
        self._objects, self._mended = world.objects, mended

    @override
    def create(self, key: ObjectKey, data: bytes) -> None:
        assert self._mended.wait(30)
        super().create(key, data)


def test_a_place_that_never_answers_stops_no_restore_and_is_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(announcing, "PATIENCE_SECONDS", 0.02)
    world, mended = World(), threading.Event()
    execute(by_hand(), world.process())
    (backup,) = world.catalog.backups(SERIES)
    place = Hung(world, mended)
    execution = replace(world.process(), destinations=Opener({place.name: place}))
    try:
        with caplog.at_level(logging.WARNING):
            assert restore(backup, execution).proved
        assert {record.message for record in caplog.records} == {"restore_not_announced"}
        assert "did not answer within" in str(vars(caplog.records[0])["what"])
    finally:
        mended.set()
    for thread in threading.enumerate():
        if thread.name.startswith("say restore"):
            thread.join(10)
    assert intents(world) == []  # what was said too late was taken back at once
    assert world.has_equal("again", "app")


def test_what_a_long_restore_said_is_said_again_before_its_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
):
    world = World()
    execute(by_hand(), world.process())
    (backup,) = world.catalog.backups(SERIES)
    monkeypatch.setattr(announcing, "_AGAIN_AFTER", timedelta(milliseconds=1))
    renewed = threading.Event()
    execution = world.process(lambda call: renewed.set() if call == "replace" else None)
    with announced_restore(backup, execution):
        (first,) = intents(world)
        world.wait(ANNOUNCED_FOR / 2)
        renewed.clear()
        # The second call begins after the first, which renewed, has ended.
        for _ in range(2):
            assert renewed.wait(10)
            renewed.clear()
        (second,) = intents(world)
    assert second.until - first.until > ANNOUNCED_FOR / 4
    assert intents(world) == []


def test_a_series_whose_policy_is_gone_is_restored_and_that_is_said():
    world = World()
    execute(by_hand(), world.process())
    (backup,) = world.catalog.backups(SERIES)
    world.desired = a_desired_state(replace(a_policy("payroll"), schedules=()))
    seen: list[Intent] = []
    restore(backup, world.process(while_it_reads(lambda: seen.extend(intents(world)))))
    assert len(seen) == 1
