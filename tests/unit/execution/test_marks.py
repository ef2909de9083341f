"""Holding, releasing and acknowledging: in the catalog at once, and at every destination."""

from datetime import timedelta
from typing import Any

import pytest

from orchestrator.archive.layout import mark_key
from orchestrator.archive.marks import decode_mark, encode_mark
from orchestrator.errors import DestinationUnreachableError, UsageError
from orchestrator.execution.context import Execution
from orchestrator.execution.executor import execute
from orchestrator.execution.marks.mark_backup import (
    acknowledge_backup,
    hold_backup,
    release_backup,
)
from orchestrator.execution.stored_marks.read_marks import read_marks
from orchestrator.model.backup import Backup
from orchestrator.model.marks import Hold, Mark, Release
from orchestrator.model.run import LogAction, LogOutcome
from tests.support.marks import NOON, a_suspicion
from tests.unit.execution.world import LOCAL, NOW, SERIES, World, by_hand

LATER = NOW + timedelta(days=30)


@pytest.fixture
def world() -> World:
    world = World()
    execute(by_hand(), world.process())
    return world


def newest(world: World) -> Backup:
    return world.catalog.backups(SERIES)[-1]


def hold(world: World, reason: str = "audit", **options: Any) -> Backup:  # noqa: ANN401 - of hold_backup
    values = {"until": None, "execution": world.process(), **options}
    return hold_backup(newest(world), reason=reason, **values).backup


def stored(world: World) -> list[Mark]:
    backup = newest(world)
    return sorted(read_marks(backup, world.place, at=NOON), key=lambda mark: (mark.at, mark.name))


def entries(world: World, action: LogAction) -> list[tuple[LogOutcome, str]]:
    return [
        (entry.outcome, entry.detail.get("reason", ""))
        for entry in world.catalog.log()
        if entry.action is action
    ]


def test_a_hold_is_in_the_catalog_at_the_destination_and_in_the_log(world: World):
    held = hold(world, "audit", until=LATER)
    (mark,) = held.holds
    assert (mark.reason, mark.until, mark.who) == ("audit", LATER, "backup@backup-host")
    assert newest(world) == held
    assert stored(world) == [mark]
    assert entries(world, LogAction.HOLD) == [(LogOutcome.SUCCEEDED, "audit")]


def test_the_same_hold_again_makes_no_second_one_and_another_does(world: World):
    for reason in ("audit", "audit", "trial"):
        hold(world, reason)
    assert [mark.reason for mark in newest(world).holds] == ["audit", "trial"]
    assert len(stored(world)) == 2


def test_a_release_takes_every_hold_back_and_overwrites_nothing(world: World):
    hold(world, "audit")
    hold(world, "trial")
    before = dict(world.objects)
    released = release_backup(newest(world), world.process())
    assert released.backup.holds == ()
    assert newest(world).holds == ()
    assert before.items() <= world.objects.items()
    assert [type(mark) for mark in stored(world)] == [Hold, Hold, Release, Release]
    assert list(world.catalog.marks(newest(world).id)) == stored(world)


def test_a_released_backup_can_be_held_again(world: World):
    hold(world)
    release_backup(newest(world), world.process())
    assert len(hold(world).holds) == 1


def test_releasing_twice_is_nothing_new_and_releasing_what_was_never_held_is_refused(world: World):
    with pytest.raises(UsageError, match="is not held"):
        release_backup(newest(world), world.process())
    hold(world)
    assert release_backup(newest(world), world.process()).made
    assert not release_backup(newest(world), world.process()).made


def test_a_hold_that_would_end_at_once_or_gives_no_reason_is_refused(world: World):
    with pytest.raises(UsageError, match="would end at once"):
        hold(world, until=NOW)
    with pytest.raises(UsageError, match="reason is empty"):
        hold(world, "  ")
    assert world.keys("/marks/") == []


def suspect(world: World) -> Backup:
    backup = newest(world)
    entry = world.process().log_entry(LogAction.STORE, "practice/app", LogOutcome.SUCCEEDED)
    world.catalog.record_mark(backup.id, a_suspicion(), entry)
    key = mark_key(backup.path, backup.id, a_suspicion())
    world.place.create(key, encode_mark(a_suspicion(), backup.id))
    return newest(world)


def test_an_acknowledgement_says_who_when_and_why_everywhere_once(world: World):
    backup = suspect(world)
    for reason in ("a planned purge", "another look"):
        acknowledge_backup(newest(world), reason=reason, execution=world.process())
    mark = newest(world).acknowledged
    assert mark is not None
    assert (mark.reason, mark.who) == ("a planned purge", "backup@backup-host")
    assert not newest(world).is_suspicious
    key = mark_key(backup.path, backup.id, mark)
    stored_mark = decode_mark(world.objects[key], key=key, path=backup.path, backup=backup.id)
    assert stored_mark == mark
    assert entries(world, LogAction.ACKNOWLEDGE) == [(LogOutcome.SUCCEEDED, "a planned purge")]


def test_what_is_not_suspicious_cannot_be_acknowledged(world: World):
    with pytest.raises(UsageError, match="is not suspicious"):
        acknowledge_backup(newest(world), reason="why not", execution=world.process())


def unreachable(world: World) -> Execution:
    def refuse(name: str) -> None:
        if name == "create":
            raise DestinationUnreachableError("the disk is away", next_step="mount it")

    return world.process(refuse)


def test_a_place_that_cannot_be_reached_is_said_and_gets_the_mark_the_next_time(world: World):
    marking = hold_backup(newest(world), reason="audit", until=None, execution=unreachable(world))
    assert marking.troubles[LOCAL].what == "the disk is away"
    assert marking.written_to == ()
    assert newest(world).holds == marking.backup.holds != ()
    assert stored(world) == []
    again = hold_backup(newest(world), reason="audit", until=None, execution=world.process())
    assert (again.made, again.written_to) == ((), (LOCAL,))
    assert stored(world) == list(newest(world).holds)
    outcomes = [outcome for outcome, _ in entries(world, LogAction.HOLD)]
    assert outcomes == [LogOutcome.SUCCEEDED, LogOutcome.FAILED]


def test_a_release_that_did_not_reach_a_place_is_finished_by_the_next_one(world: World):
    hold(world)
    assert release_backup(newest(world), unreachable(world)).troubles
    assert len(stored(world)) == 1
    assert not release_backup(newest(world), world.process()).troubles
    assert list(world.catalog.marks(newest(world).id)) == stored(world)


def test_a_backup_that_is_no_longer_at_a_place_is_said(world: World):
    del world.objects[world.keys("/manifest.json")[0]]
    marking = hold_backup(newest(world), reason="audit", until=None, execution=world.process())
    assert "is no longer at local" in marking.troubles[LOCAL].what


def test_an_object_that_is_another_mark_is_left_alone_and_said(world: World):
    (mark,) = hold(world).holds
    (key,) = world.keys("/marks/")
    world.objects[key] = encode_mark(Hold(**{**_fields(mark), "reason": "x"}), newest(world).id)
    before = dict(world.objects)
    marking = hold_backup(newest(world), reason="audit", until=None, execution=world.process())
    assert "is another mark" in marking.troubles[LOCAL].what
    assert world.objects == before


def _fields(mark: Hold) -> dict[str, Any]:
    return {name: getattr(mark, name) for name in ("id", "at", "who", "reason", "until")}
