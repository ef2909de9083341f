"""The catalog can be lost: it is built again from a destination alone (design §6; F73)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.archive.layout import MARKER_KEY
from orchestrator.archive.manifest import decode_manifest, encode_manifest
from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import ForeignDestinationError, UnknownBackupsError, UsageError
from orchestrator.execution.attach_destination import attach_destination
from orchestrator.execution.executor import execute
from orchestrator.execution.marks.mark_backup import acknowledge_backup, hold_backup, release_backup
from orchestrator.execution.rebuild.rebuild_catalog import rebuild_catalog
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.backup import CopyState
from orchestrator.model.names import DestinationName
from orchestrator.model.outcome import Succeeded
from orchestrator.model.run import LogAction
from orchestrator.model.verification import Level
from tests.support.builders import a_desired_state, a_policy, a_series
from tests.unit.execution.lost_catalogs import (
    PATH,
    a_world_with,
    facts,
    manifest_keys,
    rebuild,
    state_of,
    take_backups,
    without_catalog,
)
from tests.unit.execution.world import LOCAL, SERIES, Opener, World, by_hand

OFFSITE = DestinationName("offsite")


def test_every_backup_comes_back_as_it_was_proved_to_be_stored():
    world = a_world_with(3)
    lost = without_catalog(world)
    report = rebuild(lost)
    assert [(s.series, s.path, s.found, s.added, s.damaged) for s in report.series] == [
        (SERIES, PATH, 3, 3, 0)
    ]
    assert (report.all_troubles, report.failures) == ((), ())
    assert facts(lost) == facts(world)
    assert [backup.copies[0].level for backup in lost.catalog.backups()] == [Level.STORED] * 3
    assert lost.catalog.destination_marker(LOCAL) == world.catalog.destination_marker(LOCAL)


def test_path_and_alignment_of_the_series_come_back():
    world = a_world_with(2)
    lost = without_catalog(world)
    rebuild(lost)
    assert lost.catalog.series_records() == world.catalog.series_records()


def test_nothing_is_written_to_the_destination():
    lost = without_catalog(a_world_with(2))
    before = dict(lost.objects)
    rebuild(lost)
    assert lost.objects == before


def test_a_second_rebuild_changes_nothing():
    lost = without_catalog(a_world_with(2))
    rebuild(lost)
    once = state_of(lost)
    (series,) = rebuild(lost).series
    assert (series.found, series.added) == (2, 0)
    assert state_of(lost) == once


def test_the_log_says_who_rebuilt_what():
    lost = without_catalog(a_world_with(2))
    rebuild(lost)
    entries = [e for e in lost.catalog.log() if e.action in (LogAction.REBUILD, LogAction.ATTACH)]
    assert [(e.action, e.subject) for e in entries] == [
        (LogAction.REBUILD, "practice/app"),
        (LogAction.ATTACH, "local"),
    ]
    assert entries[0].actor.user == "backup"
    assert entries[0].detail == {"destination": "local", "backups": "2", "path": PATH}


def test_the_next_backup_continues_the_chain_and_stores_no_chunk_anew():
    world = a_world_with(2)
    lost = without_catalog(world)
    rebuild(lost)
    chunks = lost.keys("/chunks/")
    lost.wait(timedelta(minutes=1))
    outcome = execute(by_hand(), lost.process())
    assert isinstance(outcome, Succeeded)
    before, newest = lost.catalog.backups()[-2:]
    manifest = decode_manifest(lost.objects[manifest_keys(lost)[-1]])
    assert (newest.sequence, manifest.previous_digest) == (3, before.manifest_digest)
    assert newest.fence > max(backup.fence for backup in world.catalog.backups())
    assert lost.keys("/chunks/") == chunks


def test_what_was_found_can_be_proved_further():
    lost = without_catalog(a_world_with(1))
    rebuild(lost)
    (backup,) = lost.catalog.backups()
    assert verify_copy(backup, LOCAL, Level.CONTENT, lost.process()).passed


def test_pruning_of_a_rebuilt_series_is_held_until_somebody_acknowledges():
    lost = without_catalog(a_world_with(2))
    rebuild(lost)
    assert set(lost.catalog.rebuilt_series()) == {SERIES}
    acknowledge_backup(lost.catalog.backups()[0], reason="all there", execution=lost.process())
    rebuild(lost)
    assert lost.catalog.rebuilt_series() == {}


def test_holds_and_releases_outlive_the_catalog():
    world = a_world_with(2)
    first, second = world.catalog.backups()
    for backup in (first, second):
        hold_backup(backup, reason="audit", until=None, execution=world.process())
    held = world.catalog.backup(second.id)
    assert held is not None
    release_backup(held, world.process())
    lost = without_catalog(world)
    rebuild(lost)
    assert facts(lost) == facts(world)
    assert [len(lost.catalog.marks(b.id)) for b in (first, second)] == [1, 2]
    once = state_of(lost)
    rebuild(lost)
    assert state_of(lost) == once


def test_a_series_that_no_policy_file_names_is_rebuilt_all_the_same():
    lost = without_catalog(a_world_with(2))
    other = a_desired_state(a_policy("another"))
    rebuild(replace(lost, desired=other))
    assert [backup.series for backup in lost.catalog.backups()] == [SERIES, SERIES]


def test_a_renamed_series_comes_back_under_its_newest_name_and_its_first_path():
    world = a_world_with(2)
    key = manifest_keys(world)[-1]
    renamed = replace(decode_manifest(world.objects[key]), series=a_series("surgery"))
    world.objects[key] = encode_manifest(renamed)
    lost = without_catalog(world)
    rebuild(lost)
    assert {backup.series for backup in lost.catalog.backups()} == {a_series("surgery")}
    assert [record.path for record in lost.catalog.series_records()] == [PATH]


def test_until_the_rebuild_the_place_is_refused_and_the_command_is_named():
    lost = without_catalog(a_world_with(1))
    with pytest.raises(UnknownBackupsError) as caught:
        attach_destination(LOCAL, lost.process())
    assert "`orchestrator catalog rebuild --from local`" in caught.value.next_step
    rebuild(lost)
    assert attach_destination(LOCAL, lost.process()).name == LOCAL


def test_a_place_without_backups_is_attached():
    world = World()
    attach_destination(LOCAL, world.process())
    lost = without_catalog(world)
    assert rebuild(lost).series == ()
    assert lost.catalog.destination_marker(LOCAL) is not None


def test_a_place_without_a_marker_is_refused():
    lost = without_catalog(a_world_with(1))
    del lost.objects[MARKER_KEY]
    with pytest.raises(ForeignDestinationError, match="no marker"):
        rebuild(lost)
    assert lost.catalog.backups() == []


def test_a_place_with_another_marker_than_the_one_remembered_is_refused():
    world = a_world_with(1)
    world.catalog.record_destination(LOCAL, "another")
    with pytest.raises(ForeignDestinationError, match="another than this catalog remembers"):
        rebuild(world)
    assert len(world.catalog.backups()) == 1


def test_one_place_under_two_names_is_refused():
    world = a_world_with(1)
    lost = without_catalog(world)
    two = a_desired_state(a_policy(destinations=("local", "twin")))
    lost.catalog.record_destination(
        DestinationName("twin"), str(world.catalog.destination_marker(LOCAL))
    )
    with pytest.raises(ForeignDestinationError, match="the same place as 'twin'"):
        rebuild(replace(lost, desired=two))


def test_a_destination_that_no_policy_file_declares_is_refused_with_those_that_are():
    with pytest.raises(UsageError, match="moon") as caught:
        rebuild_catalog(DestinationName("moon"), World().process())
    assert "local" in caught.value.next_step


def a_second_place(of: World) -> MemoryDestination:
    """A place with a marker of its own and all that the first has."""
    other = World()
    other.seed.seed(99)
    attach_destination(LOCAL, other.process())
    place = MemoryDestination(OFFSITE)
    place._objects = {**of.objects, MARKER_KEY: other.objects[MARKER_KEY]}
    return place


def test_a_copy_at_a_second_place_is_added_to_what_the_first_gave():
    lost = without_catalog(a_world_with(2))
    rebuild(lost)
    lost.desired = a_desired_state(a_policy(destinations=("local", "offsite")))
    places = Opener({LOCAL: lost.place, OFFSITE: a_second_place(lost)})
    report = rebuild_catalog(OFFSITE, replace(lost.process(), destinations=places))
    assert [item.added for item in report.series] == [2]
    for backup in lost.catalog.backups():
        assert [copy.destination for copy in backup.copies] == [LOCAL, OFFSITE]
        assert {copy.state for copy in backup.copies} == {CopyState.COMPLETE}


def test_backups_taken_after_a_rebuild_are_ordinary_ones():
    lost = without_catalog(a_world_with(1))
    rebuild(lost)
    take_backups(lost, 2)
    assert [backup.sequence for backup in lost.catalog.backups()] == [1, 2, 3]
    assert [backup.level for backup in lost.catalog.backups()][1:] == [Level.CONTENT] * 2
