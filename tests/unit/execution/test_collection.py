"""Nothing that a manifest names is ever collected, whoever writes at the same time (F65, I3, I4)."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.archive.intent import Intent, Purpose, encode_intent
from orchestrator.archive.layout import intent_key
from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.errors import (
    DestinationPermissionError,
    DestinationUnreachableError,
    ObjectKeptError,
    UnreadableManifestError,
)
from orchestrator.execution.context import Execution
from orchestrator.execution.executor import execute
from orchestrator.model.backup import CopyState
from orchestrator.model.names import DestinationName, ObjectKey, RunId
from orchestrator.model.outcome import Failed, NotNeeded, Succeeded
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.ports.catalog import SeriesRecord
from tests.unit.execution.pruning_world import DAY, DELAY, HOUR, PruningWorld
from tests.unit.execution.test_prune import WAIT, a_collection, a_prune
from tests.unit.execution.world import LOCAL, SERIES, by_hand

RUN = RunId("20261125T000000Z-abcdef")


def a_world_with_ripe_chunks() -> PruningWorld:
    """The first day's rows are in no backup any more, and were noted long enough ago."""
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    world.do_pass()
    assert world.orphans
    world.clock.time += WAIT
    return world


def another_catalog(world: PruningWorld) -> Execution:
    """A process with a catalog of its own that writes to the same destination."""
    catalog = MemoryCatalog()
    catalog.record_destination(LOCAL, world.catalog.destination_marker(LOCAL) or "")
    (record,) = world.catalog.series_records()
    catalog.record_series(
        SeriesRecord(series=SERIES, path=record.path, blocks_per_chunk=record.blocks_per_chunk)
    )
    mine = world.process(workers=1)
    return replace(mine, reader=catalog, writer=catalog, leases=catalog, marks=catalog)


def bring_back_the_first_rows(world: PruningWorld) -> None:
    world.change_rows("1122 0")


def test_what_a_writer_of_another_catalog_needs_again_is_never_missing():
    start = a_world_with_ripe_chunks()
    for call in range(1, 400):
        world = start.copy()
        other = another_catalog(world)
        bring_back_the_first_rows(world)
        calls = [0]

        def write_in_between(_: str, calls: list[int] = calls, at: int = call) -> None:
            calls[0] += 1
            if calls[0] == at:
                outcome = execute(by_hand(), other)  # noqa: B023 - called before the next round
                assert isinstance(outcome, Succeeded), outcome

        execute(a_collection(), world.process(write_in_between, workers=1))
        assert world.named <= world.objects.keys(), call
        if calls[0] < call:
            break
        world.assert_sound()
    assert call > 25


def test_a_collection_in_the_middle_of_a_backup_of_another_catalog_takes_nothing_from_it():
    start = a_world_with_ripe_chunks()
    for call in range(1, 400):
        world = start.copy()
        bring_back_the_first_rows(world)
        calls = [0]

        def collect_in_between(_: str, calls: list[int] = calls, at: int = call) -> None:
            calls[0] += 1
            if calls[0] == at:
                execute(a_collection(), world.process(workers=1))  # noqa: B023 - at once

        other = spied(another_catalog(world), collect_in_between)
        outcome = execute(by_hand(), other)
        assert isinstance(outcome, Succeeded), outcome
        assert world.named <= world.objects.keys(), call
        if calls[0] < call:
            break
    assert call > 20


def spied(execution: Execution, before: Callable[[str], None]) -> Execution:
    """The same process, its calls of the destination announced."""
    place = Spy(execution.destinations.open(LOCAL), before)
    return replace(execution, destinations=OneplaceOpener(place))


class Spy:
    def __init__(self, inner: object, before: Callable[[str], None]) -> None:
        self._inner, self._before = inner, before

    def __getattr__(self, name: str) -> object:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: object) -> object:
            self._before(name)
            return found(*args)

        return call


class OneplaceOpener:
    def __init__(self, place: object) -> None:
        self._place = place

    def open(self, _: DestinationName) -> object:
        return self._place

    def is_there(self, _: DestinationName) -> bool:
        return True

    def make(self, _: DestinationName) -> None:
        """Every place is there."""

    def unmake(self, _: DestinationName) -> None:
        """Every place stays."""


def test_what_a_backup_used_again_waits_its_whole_time_anew_when_that_is_gone():
    world = a_world_with_ripe_chunks()
    ripe = set(world.orphans)
    bring_back_the_first_rows(world)
    before = world.manifests
    execute(by_hand(), world.process())
    used_again = ripe & world.named
    assert used_again
    (backup,) = world.manifests - before
    (manifest,) = world.keys(f"/{backup}/manifest.json")
    world.place.remove(manifest)
    execute(a_collection(), world.process())
    assert used_again <= world.objects.keys()


@pytest.mark.parametrize("damage", ["newer", "broken"])
def test_a_manifest_that_cannot_be_read_stops_the_collection_in_words(damage: str):
    world = a_world_with_ripe_chunks()
    (key, *_) = world.keys("manifest.json")
    data = world.objects[key]
    world.objects[key] = (
        data.replace(b'"version": 1', b'"version": 99') if damage == "newer" else data[:-9]
    )
    orphans = world.orphans_of_chunks
    outcome = execute(a_collection(), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == UnreadableManifestError.code
    assert key in outcome.error.what
    assert set(orphans) <= world.objects.keys()


@pytest.mark.parametrize("readable", [True, False])
def test_somebody_at_work_there_stops_the_collection(readable: bool):  # noqa: FBT001 - a case
    world = a_world_with_ripe_chunks()
    orphans = world.orphans
    key = intent_key(world.backups[0].path, RUN)
    world.objects[key] = an_intent(world, Purpose.WRITE) if readable else b"{}"
    outcome = execute(a_collection(), world.process())
    assert isinstance(outcome, Succeeded)
    assert "stopped: " in outcome.summary
    assert set(orphans) <= world.objects.keys()


def test_a_restore_that_says_so_keeps_every_copy_meanwhile():
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    key = intent_key(world.backups[0].path, RUN)
    world.objects[key] = an_intent(world, Purpose.RESTORE)
    outcome = execute(a_prune(world), world.process())
    assert isinstance(outcome, NotNeeded)
    assert RUN in outcome.summary


def an_intent(world: PruningWorld, purpose: Purpose) -> bytes:
    until = world.clock.time + HOUR
    return encode_intent(
        Intent(run=RUN, series=SERIES, host="far", process=7, purpose=purpose, until=until)
    )


def test_a_crashed_runs_leavings_go_the_same_way():
    world = PruningWorld()
    world.live(1)
    path = world.backups[0].path
    leavings = [
        ObjectKey(f"{path}/backups/{RUN}/schema.dump"),
        ObjectKey(f"{path}/chunks/ab/{'ab' * 32}.copy.zst"),
        ObjectKey(f"{path}/chunks/ab/{'ab' * 32}.copy.zst.wrong-1"),
        ObjectKey(f"{path}/intents/{RUN}.json"),
    ]
    world.objects.update(dict.fromkeys(leavings[:3], b"left behind"))
    world.objects[leavings[3]] = an_intent(world, Purpose.WRITE)
    kept = ObjectKey(f"{path}/backups/notes from a human.txt")
    world.objects[kept] = b"not ours to judge"
    for _ in range(3):
        world.clock.time += WAIT + HOUR
        execute(a_collection(), world.process())
    assert not set(leavings) & world.objects.keys()
    assert kept in world.objects
    world.assert_sound()


def test_what_a_killed_collection_had_moved_aside_is_put_back_if_it_is_named():
    world = PruningWorld()
    world.live(2)
    key = next(key for key in world.keys("/chunks/") if key in world.named)
    data = world.objects.pop(key)
    world.objects[ObjectKey(f"{key}.wrong-1")] = data
    execute(a_collection(), world.process())
    assert world.objects[key] == data
    world.assert_sound()


class Locked:
    """A destination that keeps some objects, loudly or in silence."""

    def __init__(self, inner: object, part: str, *, is_silent: bool) -> None:
        self._inner, self._part, self._is_silent = inner, part, is_silent
        self.tried = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def remove(self, key: ObjectKey) -> None:
        if self._part not in key:
            self._inner.remove(key)  # type: ignore[attr-defined] # a destination
            return
        self.tried += 1
        if not self._is_silent:
            raise DestinationPermissionError("it is immutable", next_step="unlock it")


@pytest.mark.parametrize("is_silent", [True, False])
@pytest.mark.parametrize("part", ["manifest.json", "schema.dump"])
def test_a_destination_that_keeps_an_object_is_told_and_asked_once_a_day(
    part: str,
    is_silent: bool,  # noqa: FBT001 - a case
):
    world = PruningWorld()
    world.live(2)
    world.do_pass()
    world.wait(DELAY + HOUR)
    victim = world.backups[0].id
    locked = Locked(world.place, f"{victim}/{part}", is_silent=is_silent)
    world.place = locked  # type: ignore[assignment] # a wrapped destination
    failed = [o for o in world.do_pass().outcomes if isinstance(o, Failed)]
    assert [outcome.error.code for outcome in failed] == [ObjectKeptError.code]
    state = CopyState.COMPLETE if part == "manifest.json" else CopyState.PRUNING
    assert world.backups[0].copies[0].state is state
    for _ in range(3):
        world.wait(timedelta(minutes=1))
        world.do_pass()
    assert locked.tried == 1
    world.wait(DAY)
    world.do_pass()
    assert locked.tried == 2
    assert victim in world.ids


def test_what_went_before_a_collection_was_broken_off_is_in_the_log():
    world = a_world_with_ripe_chunks()
    path = world.backups[0].path
    for digits in ("aa", "bb"):
        world.objects[ObjectKey(f"{path}/chunks/{digits}/{digits * 32}.copy.zst")] = b"left behind"
    execute(a_collection(), world.process())
    world.clock.time += WAIT
    calls: list[str] = []

    def go_away_after_the_first(call: str) -> None:
        calls.extend([call] if "move_aside" in (call, *calls) else [])
        if call == "remove" and calls.count(call) == 2:
            raise DestinationUnreachableError("it is away", next_step="bring it back")

    outcome = execute(a_collection(), world.process(go_away_after_the_first, workers=1))
    assert isinstance(outcome, Failed)
    assert (len(world.keys("/aa/")), len(world.keys("/bb/"))) == (0, 1)
    entry = [entry for entry in world.catalog.log() if entry.action is LogAction.COLLECT][-1]
    assert (entry.outcome, entry.detail["objects"]) == (LogOutcome.FAILED, "1")
    assert world.catalog.collections()[SERIES, LOCAL].looked_at < entry.at - DAY
