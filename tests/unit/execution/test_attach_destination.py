"""A destination is ours by its marker, or it is refused (design §6; fault F27)."""

import pytest

from orchestrator.archive.layout import MARKER_KEY, RESTORE_KEY
from orchestrator.archive.restore_instructions import restore_instructions
from orchestrator.errors import ForeignDestinationError, UnknownBackupsError
from orchestrator.execution.attach_destination import attach_destination, open_attached
from orchestrator.execution.executor import execute
from orchestrator.model.names import ObjectKey
from orchestrator.model.outcome import Failed
from orchestrator.model.run import LogAction
from tests.unit.execution.world import LOCAL, World, by_hand


def attached_world() -> World:
    world = World()
    attach_destination(LOCAL, world.process())
    return world


def test_an_empty_place_gets_a_marker_that_the_catalog_remembers_and_instructions():
    world = attached_world()
    marker = world.catalog.destination_marker(LOCAL)
    assert marker is not None
    assert marker.encode() in world.objects[MARKER_KEY]
    assert world.objects[RESTORE_KEY] == restore_instructions()
    assert [entry.action for entry in world.catalog.log()] == [LogAction.ATTACH]


def test_attaching_again_changes_nothing():
    world = attached_world()
    before = dict(world.objects)
    attach_destination(LOCAL, world.process())
    assert world.objects == before
    assert len(world.catalog.log()) == 1


def test_a_place_without_its_marker_is_refused_and_nothing_is_written():
    world = attached_world()
    world.objects.clear()
    with pytest.raises(ForeignDestinationError) as caught:
        attach_destination(LOCAL, world.process())
    assert f"'local' ({world.desired.destinations[LOCAL].url}) is not there" in caught.value.what
    assert "not mounted" in caught.value.next_step
    assert world.objects == {}


def test_a_place_with_the_marker_of_another_is_refused():
    world = attached_world()
    world.objects[MARKER_KEY] = attached_world_of_other_ids().objects[MARKER_KEY]
    with pytest.raises(ForeignDestinationError, match="another destination"):
        attach_destination(LOCAL, world.process())


def attached_world_of_other_ids() -> World:
    world = World()
    world.seed.seed(99)
    attach_destination(LOCAL, world.process())
    return world


def test_a_damaged_marker_is_refused():
    world = attached_world()
    world.objects[MARKER_KEY] = b"{"
    with pytest.raises(ForeignDestinationError):
        attach_destination(LOCAL, world.process())


def test_an_empty_catalog_refuses_a_place_that_holds_backups_and_says_what_works():
    world = World()
    execute(by_hand(), world.process())
    stranger = World(place=world.place)
    with pytest.raises(UnknownBackupsError) as caught:
        attach_destination(LOCAL, stranger.process())
    assert "catalog rebuild --from local" in caught.value.next_step
    outcome = execute(by_hand(), stranger.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-304"


def test_a_place_with_foreign_files_but_no_marker_is_refused():
    world = World()
    world.objects[ObjectKey("holiday.jpg")] = b"sun"
    with pytest.raises(UnknownBackupsError, match=r"holiday\.jpg"):
        attach_destination(LOCAL, world.process())


@pytest.mark.parametrize("left", [{MARKER_KEY}, {MARKER_KEY, RESTORE_KEY}], ids=["early", "late"])
def test_a_crash_before_the_catalog_remembers_is_made_good_by_the_next_run(left: set[ObjectKey]):
    crashed = attached_world()
    again = World(place=crashed.place)
    for key in set(again.objects) - left:
        again.place.remove(key)
    attach_destination(LOCAL, again.process())
    assert again.catalog.destination_marker(LOCAL) == crashed.catalog.destination_marker(LOCAL)
    assert set(again.objects) == {MARKER_KEY, RESTORE_KEY}


def test_outdated_instructions_are_rewritten():
    world = attached_world()
    world.objects[RESTORE_KEY] = b"old"
    attach_destination(LOCAL, world.process())
    assert world.objects[RESTORE_KEY] == restore_instructions()


def test_reading_needs_a_destination_that_the_catalog_knows():
    with pytest.raises(ForeignDestinationError, match="never used"):
        open_attached(LOCAL, World().process())
