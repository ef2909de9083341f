"""Verification finds every flipped bit, cut, addition, removal and swap (faults F57-F60)."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.archive.layout import MARKER_KEY, RESTORE_KEY
from orchestrator.archive.manifest import decode_manifest, encode_manifest
from orchestrator.errors import (
    DestinationUnreachableError,
    ForeignDestinationError,
    NotSupportedYetError,
)
from orchestrator.execution.executor import execute
from orchestrator.execution.verification.read_copy import CopyReading, examine_copy
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.actions import VerifyCopy
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import BackupId, ObjectKey
from orchestrator.model.outcome import Failed, Succeeded
from orchestrator.model.verification import Level
from orchestrator.ports.progress import SilentStep
from tests.unit.execution.world import LOCAL, SERIES, World, by_hand


@pytest.fixture
def world() -> World:
    world = World()
    execute(by_hand(), world.process())
    return world


def the_backup(world: World) -> Backup:
    return world.catalog.backups(SERIES)[0]


def test_an_intact_copy_passes_every_level_and_the_catalog_keeps_the_highest(world: World):
    for level in (Level.CONTENT, Level.OBJECTS, Level.STORED):
        verification = verify_copy(the_backup(world), LOCAL, level, world.process())
        assert verification.passed
        assert verification.objects == len(world.keys("/chunks/")) + 3
    assert the_backup(world).level is Level.CONTENT


@pytest.mark.parametrize("level", [Level.OBJECTS, Level.CONTENT], ids=lambda level: level.label)
def test_a_flipped_bit_in_any_object_is_found(world: World, level: Level):
    chance = random.Random(1)
    for key in [key for key in world.objects if key != MARKER_KEY]:
        good = world.objects[key]
        for _ in range(5):
            place = chance.randrange(len(good))
            flipped = bytes([good[place] ^ 1 << chance.randrange(8)])
            world.objects[key] = good[:place] + flipped + good[place + 1 :]
            found = verify_copy(the_backup(world), LOCAL, level, world.process())
            assert key in {damage.object_key for damage in (*found.damage, *found.beside)}
        world.objects[key] = good
    assert verify_copy(the_backup(world), LOCAL, level, world.process()).passed


@pytest.mark.parametrize("level", [Level.OBJECTS, Level.CONTENT], ids=lambda level: level.label)
def test_a_cut_a_lengthened_and_a_missing_object_are_found(world: World, level: Level):
    for key in [key for key in world.objects if key != MARKER_KEY]:
        good = world.objects.pop(key)
        found = [verify_copy(the_backup(world), LOCAL, level, world.process())]
        for wrong in (b"", good[:-1], good + b"\0"):
            world.objects[key] = wrong
            found.append(verify_copy(the_backup(world), LOCAL, level, world.process()))
        assert all(result.damage or result.beside for result in found)
        world.objects[key] = good


def test_changed_instructions_are_said_but_leave_the_backup_good(world: World):
    world.objects[RESTORE_KEY] = b"rm -rf /"
    found = verify_copy(the_backup(world), LOCAL, Level.CONTENT, world.process())
    assert [damage.object_key for damage in found.beside] == [RESTORE_KEY]
    assert found.passed
    assert the_backup(world).level is Level.CONTENT


def test_missing_and_cut_objects_are_found_by_sizes_alone(world: World):
    for key in world.keys("practice/"):
        good = world.objects.pop(key)
        found = verify_copy(the_backup(world), LOCAL, Level.STORED, world.process())
        assert [damage.object_key for damage in found.damage] == [key]
        world.objects[key] = good[:-1]
        assert not verify_copy(the_backup(world), LOCAL, Level.STORED, world.process()).passed
        world.objects[key] = good


def test_swapped_objects_are_found(world: World):
    first, second, *_ = world.keys("/chunks/")
    objects = world.objects
    objects[first], objects[second] = objects[second], objects[first]
    found = verify_copy(the_backup(world), LOCAL, Level.CONTENT, world.process())
    assert {damage.object_key for damage in found.damage} == {first, second}


def test_the_manifest_of_another_backup_is_no_manifest(world: World):
    execute(by_hand(), world.process())
    mine, other = world.keys("manifest.json")
    world.objects[mine] = world.objects[other]
    backup = world.catalog.backup(BackupId(mine.split("/")[3]))
    assert backup is not None
    assert not verify_copy(backup, LOCAL, Level.STORED, world.process()).passed


def test_a_manifest_that_is_sound_but_not_the_one_remembered_is_damage(world: World):
    (key,) = world.keys("manifest.json")
    manifest = decode_manifest(world.objects[key])
    world.objects[key] = encode_manifest(replace(manifest, sequence=7))
    found = verify_copy(the_backup(world), LOCAL, Level.CONTENT, world.process())
    assert [damage.object_key for damage in found.damage] == [key]


def test_damage_takes_the_level_from_the_copy_and_a_later_pass_gives_it_back(world: World):
    key = world.keys("/chunks/")[0]
    good = world.objects.pop(key)
    verify_copy(the_backup(world), LOCAL, Level.CONTENT, world.process())
    (copy,) = the_backup(world).copies
    assert (copy.state, copy.level) == (CopyState.DAMAGED, None)
    world.objects[key] = good
    verify_copy(the_backup(world), LOCAL, Level.CONTENT, world.process())
    (copy,) = the_backup(world).copies
    assert (copy.state, copy.level) == (CopyState.COMPLETE, Level.CONTENT)


def test_a_destination_that_cannot_be_reached_is_no_damage(world: World):
    def unreachable(name: str) -> None:
        if name == "read":
            raise DestinationUnreachableError("no such host", next_step="look at the network")

    with pytest.raises(DestinationUnreachableError):
        verify_copy(the_backup(world), LOCAL, Level.CONTENT, world.process(unreachable))
    assert the_backup(world).copies[0].state is CopyState.COMPLETE


def test_an_unmounted_disk_is_no_damage(world: World):
    world.objects.clear()
    with pytest.raises(ForeignDestinationError):
        verify_copy(the_backup(world), LOCAL, Level.CONTENT, world.process())
    assert the_backup(world).copies[0].state is CopyState.COMPLETE


def test_the_level_of_drills_is_refused_not_faked(world: World):
    with pytest.raises(NotSupportedYetError):
        verify_copy(the_backup(world), LOCAL, Level.RESTORED, world.process())


def test_every_object_is_read_once_even_when_tables_share_it(world: World):
    reads: list[str] = []
    execution = world.process(reads.append)
    verify_copy(the_backup(world), LOCAL, Level.CONTENT, execution)
    # Marker, manifest and RESTORE.md besides the objects.
    assert reads.count("read") == len(world.keys("/chunks/")) + 3 + 3


def planned(backup: BackupId) -> VerifyCopy:
    return VerifyCopy(
        series=SERIES, backup=backup, destination=LOCAL, level=Level.CONTENT, reason="unproved"
    )


def test_a_planned_verification_succeeds_or_fails_by_what_it_finds(world: World):
    action = planned(the_backup(world).id)
    assert isinstance(execute(action, world.process()), Succeeded)
    world.place.remove(world.keys("/chunks/")[0])
    outcome = execute(action, world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-401"


def test_a_planned_verification_of_an_unknown_backup_fails(world: World):
    outcome = execute(planned(BackupId("20200101T000000Z-000000")), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-120"


def test_an_error_names_three_damaged_objects_and_counts_the_rest(world: World):
    for key in world.keys("/chunks/"):
        world.objects[ObjectKey(key)] = b"rotten"
    outcome = execute(planned(the_backup(world).id), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.what.count(".copy.zst") == 3
    assert f"and {len(world.keys('/chunks/')) - 3} more" in outcome.error.what


def test_damage_in_a_shared_chunk_is_charged_to_every_backup_that_names_it(world: World):
    execute(by_hand(), world.process())
    first, second = world.catalog.backups(SERIES)
    chunk = world.keys("/chunks/")[0]
    world.objects[chunk] = world.objects[chunk][:-1] + b"?"
    verify_copy(first, LOCAL, Level.CONTENT, world.process())
    states = [backup.copies[0].state for backup in world.catalog.backups(SERIES)]
    assert states == [CopyState.DAMAGED, CopyState.DAMAGED]
    assert verify_copy(second, LOCAL, Level.CONTENT, world.process()).damage


def test_damage_in_an_object_of_one_backup_leaves_the_others_good(world: World):
    execute(by_hand(), world.process())
    first, _ = world.catalog.backups(SERIES)
    key = next(key for key in world.keys("/details.json") if first.id in key)
    world.objects[key] = b"{}"
    verify_copy(first, LOCAL, Level.CONTENT, world.process())
    states = [backup.copies[0].state for backup in world.catalog.backups(SERIES)]
    assert states == [CopyState.DAMAGED, CopyState.COMPLETE]


def test_an_interruption_while_objects_are_handed_out_reads_nothing_of_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
):
    first, handed, done, submit = threading.Event(), [], [], ThreadPoolExecutor.submit

    def hand_out(pool: ThreadPoolExecutor, work: Callable[..., Any], *objects: Any) -> Any:  # noqa: ANN401 - as the pool's own
        handed.append(objects)
        if len(handed) == 5:
            raise KeyboardInterrupt
        return submit(pool, work, *objects)

    def check() -> None:
        first.wait(0.3)
        first.set()
        done.append(1)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", hand_out)
    reading = CopyReading(source=world.place, workers=1, step=SilentStep(), check=check)
    with pytest.raises(KeyboardInterrupt):
        examine_copy(the_backup(world), Level.STORED, reading)
    assert len(done) < 4
