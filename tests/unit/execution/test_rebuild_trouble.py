"""A rebuild in front of damage, newer versions, hostile manifests, other runs and old catalogs.

Faults F59, F73, F74, F82 and S21.
"""

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.archive.documents import encode_document, parse_document
from orchestrator.archive.layout import mark_key
from orchestrator.archive.manifest import (
    MANIFEST_FORMAT,
    decode_manifest,
    digest_of,
    encode_manifest,
)
from orchestrator.errors import DestinationPermissionError, SeriesLockedError
from orchestrator.execution.executor import execute
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.backup import CopyState
from orchestrator.model.marks import Hold, MarkId
from orchestrator.model.names import ObjectKey
from orchestrator.model.run import RunState
from orchestrator.model.verification import Level
from tests.unit.execution.lost_catalogs import (
    PATH,
    a_world_with,
    an_older_catalog,
    facts,
    manifest_keys,
    rebuild,
    state_of,
    take_backups,
    without_catalog,
)
from tests.unit.execution.world import LOCAL, NOW, SERIES, Killed, World, by_hand


def changed_document(data: bytes, **changes: object) -> bytes:
    """A manifest with other fields, its own digest right again."""
    document = parse_document(data, format_name=MANIFEST_FORMAT, version=1)
    document |= changes  # type: ignore[arg-type]  # whatever a hostile hand would write
    rest = {name: value for name, value in document.items() if name != "digest"}
    return encode_document({**rest, "digest": digest_of(encode_document(rest))})


def escaping(data: bytes) -> bytes:
    document = parse_document(data, format_name=MANIFEST_FORMAT, version=1)
    (first, *others) = document["objects"]  # type: ignore[misc]  # a list, as written
    return changed_document(data, objects=[{**first, "key": "../../etc/passwd"}, *others])  # type: ignore[dict-item]


UNREADABLE = {
    "cut": (lambda data: data[:-9], "JSON"),
    "flipped": (lambda data: data.replace(b'"rows": ', b'"rows": 1'), "digest"),
    "newer": (lambda data: changed_document(data, version=2), "version 2"),
    "elsewhere": (lambda data: changed_document(data, path="other/app"), "is not the key of its"),
    "escaping": (escaping, "is not the key of its"),
    "enormous": (lambda data: changed_document(data, fence=2**70), "too large"),
}


@pytest.mark.parametrize(("spoil", "reason"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_manifest_that_cannot_be_read_is_listed_and_the_others_come_back(
    spoil: Callable[[bytes], bytes], reason: str
):
    world = a_world_with(3)
    lost = without_catalog(world)
    key = manifest_keys(world)[1]
    lost.objects[key] = spoil(lost.objects[key])
    report = rebuild(lost)
    (trouble,) = report.all_troubles
    assert trouble.subject in key
    assert reason in trouble.what
    assert trouble.next_step
    assert facts(lost) == [facts(world)[0], facts(world)[2]]
    assert lost.catalog.destination_marker(LOCAL) is not None


def test_an_incomplete_backup_is_recorded_as_damaged_with_the_reason():
    world = a_world_with(2)
    lost = without_catalog(world)
    del lost.objects[lost.keys("schema.dump")[1]]
    (trouble,) = rebuild(lost).all_troubles
    assert "schema.dump: it is missing" in trouble.what
    first, second = (backup.copies[0] for backup in lost.catalog.backups())
    assert (first.state, first.level) == (CopyState.COMPLETE, Level.STORED)
    assert (second.state, second.level) == (CopyState.DAMAGED, None)
    assert (second.damage_level, second.trouble) == (Level.STORED, trouble.what)


def test_an_object_of_another_size_is_damage():
    lost = without_catalog(a_world_with(1))
    lost.objects[lost.keys("/chunks/")[0]] += b"x"
    (trouble,) = rebuild(lost).all_troubles
    assert "bytes instead of" in trouble.what
    assert lost.catalog.backups()[0].copies[0].state is CopyState.DAMAGED


def test_the_alignment_comes_from_the_newest_whole_backup_and_damaged_details_are_damage():
    world = a_world_with(2)
    lost = without_catalog(world)
    key = lost.keys("details.json")[1]
    lost.objects[key] = b"x" * len(lost.objects[key])
    (trouble,) = rebuild(lost).all_troubles
    assert "SHA-256" in trouble.what
    assert lost.catalog.series_records() == world.catalog.series_records()
    assert [b.copies[0].state for b in lost.catalog.backups()] == [
        CopyState.COMPLETE,
        CopyState.DAMAGED,
    ]


def test_a_series_of_damaged_manifests_alone_is_listed_and_not_recorded():
    lost = without_catalog(a_world_with(2))
    for key in manifest_keys(lost):
        lost.objects[key] = b"{}"
    report = rebuild(lost)
    assert (len(report.troubles), report.series) == (2, ())
    assert lost.catalog.series_records() == []


def test_objects_that_are_no_manifest_of_a_series_are_passed_over():
    lost = without_catalog(a_world_with(1))
    manifest = lost.objects[manifest_keys(lost)[0]]
    for key in ("a/b/c/backups/20261122T020000Z-7f3a9c/manifest.json", "notes/manifest.json"):
        lost.objects[ObjectKey(key)] = manifest
    report = rebuild(lost)
    assert [series.path for series in report.series] == [PATH]
    assert report.all_troubles == ()


@pytest.mark.parametrize("path", ["aaa/app", "practice/zz"])
def test_a_copy_of_a_series_under_another_path_is_not_taken_for_it(path: str):
    lost = without_catalog(a_world_with(1))
    manifest = decode_manifest(lost.objects[manifest_keys(lost)[0]])
    objects = tuple(
        replace(stored, key=ObjectKey(stored.key.replace(PATH, path, 1)))
        for stored in manifest.objects
    )
    twin = replace(manifest, path=path, objects=objects)
    lost.objects[ObjectKey(f"{path}/backups/{manifest.backup}/manifest.json")] = encode_manifest(
        twin
    )
    (trouble,) = rebuild(lost).all_troubles
    assert (trouble.subject, PATH in trouble.what) == (path, True)
    assert [backup.path for backup in lost.catalog.backups()] == [PATH]


def test_a_hold_that_cannot_be_read_makes_its_backup_suspicious():
    world = a_world_with(1)
    (backup,) = world.catalog.backups()
    hold = Hold(id=MarkId(backup.run), at=NOW, who="a@b", reason="audit", until=None)
    lost = without_catalog(world)
    lost.objects[mark_key(PATH, backup.id, hold)] = b"{"
    (trouble,) = rebuild(lost).all_troubles
    assert "suspicious" in trouble.what
    assert lost.catalog.backups()[0].is_suspicious


def test_a_place_that_lets_nothing_be_read_is_not_attached():
    lost = without_catalog(a_world_with(2))

    def refuse(key: ObjectKey) -> bytes:
        if key.endswith("manifest.json"):
            raise DestinationPermissionError("may not be read", next_step="chown")
        return lost.objects[key]

    lost.place.read = refuse  # type: ignore[method-assign]  # a place without permission
    report = rebuild(lost)
    assert [failure.error.code for failure in report.failures] == ["ORC-307"]
    assert lost.catalog.destination_marker(LOCAL) is None


def test_a_manifest_that_can_be_read_only_the_second_time_asks_for_another_run():
    lost, read = without_catalog(a_world_with(1)), list[ObjectKey]()

    def refuse_once(key: ObjectKey) -> bytes:
        if key.endswith("manifest.json") and key not in read:
            read.append(key)
            raise DestinationPermissionError("may not be read", next_step="chown")
        return lost.objects[key]

    lost.place.read = refuse_once  # type: ignore[method-assign]  # a place with a hiccup
    (trouble,) = rebuild(lost).troubles
    assert trouble.next_step == "run the command again"
    assert lost.catalog.backups() == []
    assert len(rebuild(lost).series) == 1


def test_an_older_catalog_put_back_learns_of_every_newer_backup():
    world = a_world_with(2)
    older = replace(world, catalog=an_older_catalog(world))
    take_backups(world, 2)
    known = older.catalog.backups()
    (series,) = rebuild(older).series
    assert (series.found, series.added) == (4, 2)
    assert facts(older) == facts(world)
    assert older.catalog.backups()[:2] == known, "what it knew stays, its levels too"
    (last,) = take_backups(older, 1)
    assert (last.sequence, last.fence) == (5, max(b.fence for b in facts(world)) + 1)


def test_an_older_catalog_that_was_used_before_the_rebuild_is_merged_too():
    world = a_world_with(1)
    older = replace(world, catalog=an_older_catalog(world))
    (newer,) = take_backups(world, 1)
    (fork,) = take_backups(older, 1)
    rebuild(older)
    assert {b.id for b in older.catalog.backups()} >= {newer.id, fork.id}
    assert set(older.keys("manifest.json")) == set(manifest_keys(world))


def test_a_known_copy_whose_objects_are_gone_loses_its_level_once():
    world = a_world_with(2)
    del world.objects[world.keys("globals.sql")[0]]
    (trouble,) = rebuild(world).all_troubles
    assert "globals.sql: it is missing" in trouble.what
    first, second = (backup.copies[0] for backup in world.catalog.backups())
    assert (first.state, first.level) == (CopyState.DAMAGED, None)
    assert (second.state, second.level) == (CopyState.COMPLETE, Level.CONTENT)
    once = state_of(world)
    rebuild(world)
    assert state_of(world) == once


@pytest.mark.parametrize("change", ["removed", "rewritten", "damaged"])
def test_a_known_manifest_that_is_gone_or_another_is_damage(change: str):
    world = a_world_with(2)
    key = manifest_keys(world)[0]
    data = world.objects.pop(key)
    if change == "rewritten":
        world.objects[key] = encode_manifest(replace(decode_manifest(data), git_commit="c0ffee"))
    elif change == "damaged":
        world.objects[key] = data[:-2]
    (trouble,) = rebuild(world).all_troubles
    assert trouble.subject in key
    assert world.catalog.backups()[0].copies[0].state is CopyState.DAMAGED
    assert len(world.catalog.backups()) == 2


def test_what_came_back_is_complete_again_unless_more_than_its_size_was_wrong():
    world = a_world_with(1)
    key = world.keys("schema.dump")[0]
    data = world.objects.pop(key)
    rebuild(world)
    world.objects[key] = data
    rebuild(world)
    assert world.catalog.backups()[0].copies[0].state is CopyState.COMPLETE
    world.objects[key] = b"x" * len(data)
    verify_copy(world.catalog.backups()[0], LOCAL, Level.OBJECTS, world.process())
    rebuild(world)
    assert world.catalog.backups()[0].copies[0].state is CopyState.DAMAGED


def test_a_series_at_which_a_run_is_at_work_is_left_for_the_next_time():
    lost = without_catalog(a_world_with(2))
    running = lost.process()
    with hold_lease(SERIES, running.new_run_id(), running):
        report = rebuild(lost)
    (failure,) = report.failures
    assert isinstance(failure.error, SeriesLockedError)
    assert lost.catalog.destination_marker(LOCAL) is None
    assert rebuild(lost).failures == ()
    assert len(lost.catalog.backups()) == 2


def test_a_dead_run_in_an_older_catalog_is_closed_first():
    world = a_world_with(1)

    def die(name: str) -> None:
        if name == "record_backup":
            raise Killed

    with pytest.raises(Killed):
        execute(by_hand(), world.process(die))
    world.kill_all()
    older = replace(world, catalog=an_older_catalog(world))
    take_backups(world, 1)
    rebuild(older)
    assert len(older.catalog.backups()) == 3
    assert [run.state for run in older.catalog.runs()][-1] is RunState.INTERRUPTED
    assert older.catalog.leases() == []


def test_a_rebuild_killed_at_any_call_is_finished_by_the_next_one():
    world = a_world_with(2)
    whole = without_catalog(world)
    rebuild(whole)
    for dies_at in range(1, 80):
        lost = without_catalog(world)
        calls = iter(range(dies_at))

        def die(_: str, calls: object = calls) -> None:
            if next(calls, None) is None:  # type: ignore[call-overload]  # an iterator
                raise Killed

        if survives(lost, die):
            break
        lost.kill_all()
        rebuild(lost)
        assert facts(lost) == facts(whole)
        assert set(lost.catalog.rebuilt_series()) == {SERIES}
    assert dies_at > 10


def survives(lost: World, before: Callable[[str], None]) -> bool:
    from orchestrator.execution.rebuild.rebuild_catalog import rebuild_catalog  # noqa: PLC0415

    try:
        rebuild_catalog(LOCAL, lost.process(before))
    except Killed:
        assert lost.catalog.destination_marker(LOCAL) is None
        return False
    return True


@pytest.mark.parametrize("gone", ["manifest.json", "/chunks/"])
def test_a_copy_whose_removal_has_begun_is_left_to_it(gone: str):
    world = a_world_with(1)
    (backup,) = world.catalog.backups()
    pruning = tuple(replace(copy, state=CopyState.PRUNING) for copy in backup.copies)
    world.catalog._backups[backup.id] = replace(backup, copies=pruning)
    for key in world.keys(gone):
        del world.objects[key]
    assert rebuild(world).all_troubles == ()
    assert world.catalog.backups()[0].copies == pruning
