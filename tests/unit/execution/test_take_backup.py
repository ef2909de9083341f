"""Taking a backup: what is stored and listed, and what is not when something goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from typing_extensions import override

from orchestrator.errors import DestinationFullError, Kind
from orchestrator.execution.executor import execute
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.backup import CopyState, Trigger
from orchestrator.model.outcome import Failed, NotNeeded, Succeeded
from orchestrator.model.run import LogAction, LogOutcome, RunState
from orchestrator.model.verification import Level
from orchestrator.ports.engine import SnapshotRequest
from tests.support.in_memory_engine import InMemorySnapshot, InMemorySource, table_name
from tests.unit.execution.world import (
    LOCAL,
    NOW,
    SERIES,
    SLOT,
    World,
    a_backup_action,
    by_hand,
)


def test_a_backup_is_stored_listed_and_proved_to_the_level_of_its_policy():
    world = World()
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, Succeeded)
    (backup,) = world.catalog.backups(SERIES)
    assert (backup.tables, backup.rows, backup.sequence, backup.fence) == (3, 37, 1, 1)
    assert [(c.state, c.level) for c in backup.copies] == [(CopyState.COMPLETE, Level.CONTENT)]
    assert world.keys("manifest.json") == [f"practice/app/backups/{backup.id}/manifest.json"]
    assert backup.stored_bytes == backup.new_bytes


def test_a_finished_backup_leaves_no_intent_no_lease_no_session_and_a_closed_run():
    world = World()
    execute(a_backup_action(), world.process())
    assert world.keys("/intents/") == []
    assert world.catalog.leases() == []
    assert world.server.open_snapshots == 0
    (run,) = world.catalog.runs(SERIES)
    (backup,) = world.catalog.backups(SERIES)
    assert (run.state, run.backup) == (RunState.SUCCEEDED, backup.id)


def test_every_backup_leaves_a_start_and_an_end_in_the_log():
    world = World()
    execute(a_backup_action(), world.process())
    entries = [(e.action, e.outcome) for e in world.catalog.log()]
    assert (LogAction.BACKUP, LogOutcome.STARTED) in entries
    assert (LogAction.BACKUP, LogOutcome.SUCCEEDED) in entries
    assert (LogAction.ATTACH, LogOutcome.SUCCEEDED) in entries
    assert (LogAction.VERIFY, LogOutcome.SUCCEEDED) in entries


def test_an_unchanged_second_backup_stores_no_chunk_anew():
    world = World()
    execute(by_hand(), world.process())
    chunks = world.keys("/chunks/")
    world.wait(timedelta(hours=1))
    execute(by_hand(), world.process())
    first, second = world.catalog.backups(SERIES)
    assert world.keys("/chunks/") == chunks
    assert second.stored_bytes == first.stored_bytes
    assert second.new_bytes < first.new_bytes
    assert (second.sequence, second.fence) == (2, 2)


def test_appended_rows_store_only_the_chunks_that_changed():
    world = World()
    execute(by_hand(), world.process())
    before = set(world.keys("/chunks/"))
    world.insert("public.clients", b"99\tnew")
    world.wait(timedelta(hours=1))
    execute(by_hand(), world.process())
    assert len(set(world.keys("/chunks/")) - before) == 1


def test_equal_chunks_of_one_run_are_stored_once():
    world = World()
    database = world.server.databases["app"]
    database.tables[table_name("public.twin")] = list(database.tables[table_name("public.clients")])
    execute(by_hand(), world.process())
    (backup,) = world.catalog.backups(SERIES)
    assert backup.rows == 70
    assert len(world.keys("/chunks/")) == 8


def test_the_alignment_of_chunks_is_kept_for_later_backups():
    world = World()
    execute(by_hand(), world.process())
    (record,) = world.catalog.series_records()
    assert record.path == "practice/app"
    assert record.blocks_per_chunk["public.clients"] == 2


def test_a_slot_that_a_backup_answers_already_is_not_backed_up_again():
    world = World()
    execute(a_backup_action(), world.process())
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, NotNeeded)
    assert len(world.catalog.backups(SERIES)) == 1


def test_a_first_backup_is_not_needed_once_there_is_one():
    world = World()
    execute(by_hand(), world.process())
    outcome = execute(a_backup_action(trigger=Trigger.FIRST), world.process())
    assert isinstance(outcome, NotNeeded)


def test_a_safety_copy_answers_no_slot():
    world = World()
    execute(by_hand(), world.process())
    world.wait(timedelta(days=1))
    execute(a_backup_action(trigger=Trigger.BEFORE_RESTORE), world.process())
    due = a_backup_action(replace(SLOT, at=SLOT.at + timedelta(days=1)))
    assert isinstance(execute(due, world.process()), Succeeded)


def test_a_slot_counts_as_answered_when_the_clock_of_the_database_lags():
    world = World()
    world.wait(timedelta(seconds=-10))  # a snapshot before its own slot
    execute(a_backup_action(), world.process())
    world.wait(timedelta(seconds=20))
    assert isinstance(execute(a_backup_action(), world.process()), NotNeeded)


def test_a_missing_database_fails_the_run_and_lists_nothing():
    world = World()
    world.server.databases.clear()
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.kind) == ("ORC-203", Kind.FAILED)
    (run,) = world.catalog.runs(SERIES)
    assert (run.state, run.error) == (RunState.FAILED, outcome.error)
    assert world.catalog.backups(SERIES) == []
    assert world.catalog.leases() == []


def test_a_policy_that_is_gone_fails_as_usage():
    world = World()
    execution = world.process()
    object.__setattr__(execution.desired, "policies", {})
    outcome = execute(a_backup_action(), execution)
    assert isinstance(outcome, Failed)
    assert outcome.kind is Kind.USAGE


def test_a_lost_snapshot_publishes_nothing():
    world = World()
    world.server.snapshot_is_lost = True
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-209"
    assert world.keys("manifest.json") == []
    assert world.keys("/intents/") == []


class LyingReader:
    """Counts one row more than it hands over."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - any reader
        self._inner = inner

    def read_table(self, *args: Any) -> int:  # noqa: ANN401 - passed on
        return int(self._inner.read_table(*args)) + 1

    def read_large_objects(self, *args: Any) -> int:  # noqa: ANN401 - passed on
        return int(self._inner.read_large_objects(*args))


def test_a_row_that_did_not_arrive_fails_the_run():
    world = World()
    world.server.disguise_reader = LyingReader
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-210"
    assert world.catalog.backups(SERIES) == []
    assert world.keys("manifest.json") == []


def test_an_object_that_vanished_during_the_run_keeps_the_manifest_from_being_written():
    world = World()

    def lose_a_chunk(name: str) -> None:
        # The last part is about to be written; something else removes a chunk just now.
        if name == "create" and world.keys("globals.sql"):
            world.place.remove(world.keys("/chunks/")[0])

    outcome = execute(a_backup_action(), world.process(lose_a_chunk))
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-401"
    assert world.keys("manifest.json") == []
    assert world.catalog.backups(SERIES) == []


class GappySource(InMemorySource):
    """Forgets the first range of every table."""

    @override
    @contextmanager
    def open_snapshot(self, request: SnapshotRequest) -> Iterator[InMemorySnapshot]:
        with super().open_snapshot(request) as snapshot:
            ranges = tuple(blocks[1:] for blocks in snapshot.contents.ranges)
            snapshot.contents = replace(snapshot.contents, ranges=ranges)
            yield snapshot


def test_ranges_that_leave_a_gap_keep_the_manifest_from_being_written():
    world = World()
    execution = replace(world.process(), source=GappySource(world.server, world.clock))
    outcome = execute(a_backup_action(), execution)
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, "gap" in outcome.error.what) == ("ORC-210", True)
    assert world.keys("manifest.json") == []


class BrokenReader(LyingReader):
    """Breaks in a way that nobody thought of."""

    @override
    def read_table(self, *args: Any) -> int:
        raise KeyError(args)


def test_a_defect_is_reported_as_one_and_closes_the_run():
    world = World()
    world.server.disguise_reader = BrokenReader
    outcome = execute(a_backup_action(), world.process())
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-999"
    assert world.catalog.runs(SERIES)[0].state is RunState.FAILED


def test_an_interrupt_from_the_keyboard_closes_the_run_and_goes_through():
    world = World()

    def press_ctrl_c(name: str) -> None:
        if name == "open_snapshot":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(a_backup_action(), world.process(press_ctrl_c))
    assert world.catalog.runs(SERIES)[0].state is RunState.INTERRUPTED
    assert world.catalog.leases() == []
    assert world.keys("/intents/") == []


def test_a_requested_interruption_stops_the_run_and_closes_it_as_interrupted():
    world = World()
    execution = world.process()
    execution.interruption.request()
    outcome = execute(a_backup_action(), execution)
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-901"
    assert world.catalog.runs(SERIES)[0].state is RunState.INTERRUPTED


def test_a_full_disk_at_any_write_lists_nothing_and_names_the_cause():
    world, writes = World(), 0
    while True:
        writes += 1
        world = World()
        remaining = [writes]

        def fill_up(name: str, remaining: list[int] = remaining) -> None:
            remaining[0] -= name in ("create", "replace")
            if remaining[0] <= 0 and name in ("create", "replace"):
                raise DestinationFullError("no space left", next_step="free some")

        outcome = execute(a_backup_action(), world.process(fill_up))
        if isinstance(outcome, Succeeded):
            break
        assert isinstance(outcome, Failed)
        assert outcome.error.code == "ORC-302"
        assert world.catalog.backups(SERIES) == []
        assert world.keys("manifest.json") == []
        assert world.catalog.leases() == []
    assert writes > 10


def test_a_chunk_of_a_crashed_run_is_adopted_when_right_and_moved_aside_when_wrong():
    world = World()
    execute(by_hand(), world.process())
    right, wrong, *_ = chunks = world.keys("/chunks/")
    orphans = World(place=world.place)
    for key in world.keys("/backups/"):
        orphans.place.remove(key)
    orphans.catalog.record_destination(LOCAL, world.catalog.destination_marker(LOCAL) or "")
    data = world.objects[wrong]
    world.objects[wrong] = bytes([data[0] ^ 1]) + data[1:]
    outcome = execute(by_hand(), orphans.process())
    assert isinstance(outcome, Succeeded)
    assert [key for key in world.keys("/chunks/") if key.endswith(".wrong-1")] == [
        f"{wrong}.wrong-1"
    ]
    assert set(chunks) <= set(world.keys("/chunks/"))
    assert world.objects[wrong] == data
    assert right in world.objects


def test_a_named_chunk_of_the_right_size_is_not_read_again():
    world = World()
    execute(by_hand(), world.process())
    world.wait(timedelta(hours=1))
    read: list[str] = []

    class Watching(type(world.place)):  # type: ignore[misc]  # a subclass made to watch one place
        def read(self, key: Any) -> bytes:  # noqa: ANN401 - passed on
            read.append(key)
            return bytes(super().read(key))

    world.place.__class__ = Watching
    action = by_hand()
    object.__setattr__(action, "verify_to", Level.STORED)
    assert isinstance(execute(action, world.process()), Succeeded)
    assert not [key for key in read if "/chunks/" in key]


def test_a_chunk_that_rotted_fails_the_next_run_once_and_is_healed_by_the_one_after():
    world = World()
    execute(by_hand(), world.process())
    key = world.keys("/chunks/")[0]
    good = world.objects[key]
    world.objects[key] = good[:-1] + bytes([good[-1] ^ 1])
    world.wait(timedelta(hours=1))
    failed = execute(by_hand(), world.process())
    assert isinstance(failed, Failed)
    assert failed.error.code == "ORC-401"
    assert world.catalog.backups(SERIES)[-1].copies[0].state is CopyState.DAMAGED
    assert world.catalog.runs(SERIES)[-1].backup == world.catalog.backups(SERIES)[-1].id
    world.wait(timedelta(hours=1))
    assert isinstance(execute(by_hand(), world.process()), Succeeded)
    assert world.objects[key] == good


def test_damage_found_in_an_older_backup_is_healed_by_the_next_run_without_a_failure():
    world = World()
    execute(by_hand(), world.process())
    world.wait(timedelta(hours=1))
    execute(by_hand(), world.process())
    key = world.keys("/chunks/")[0]
    good = world.objects[key]
    world.objects[key] = good[:-1] + bytes([good[-1] ^ 1])
    older, _ = world.catalog.backups(SERIES)
    assert not verify_copy(older, LOCAL, Level.OBJECTS, world.process()).passed
    world.wait(timedelta(hours=1))
    assert isinstance(execute(by_hand(), world.process()), Succeeded)
    assert world.objects[key] == good


def test_an_interruption_stops_the_reading_of_a_table_and_not_only_between_tables():
    world = World()
    execution = world.process()

    class Interrupting(LyingReader):
        @override
        def read_table(self, *args: Any) -> int:
            execution.interruption.request()
            return super().read_table(*args)

    world.server.disguise_reader = Interrupting
    outcome = execute(a_backup_action(), execution)
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "ORC-901"
    assert world.keys("/chunks/") == []


def test_a_backup_says_that_it_is_stored_before_it_says_that_it_succeeded():
    world = World()
    execute(a_backup_action(), world.process())
    ends = [e.action for e in world.catalog.log() if e.outcome is LogOutcome.SUCCEEDED]
    assert ends == [LogAction.ATTACH, LogAction.STORE, LogAction.VERIFY, LogAction.BACKUP]


def test_every_manifest_names_the_one_before_it():
    world = World()
    for _ in range(3):
        execute(by_hand(), world.process())
        world.wait(timedelta(hours=1))
    first, second, third = world.catalog.backups(SERIES)
    assert [b.sequence for b in (first, second, third)] == [1, 2, 3]
    assert first.manifest_digest.encode() in world.objects[world.keys(f"{second.id}/manifest")[0]]
    assert second.manifest_digest.encode() in world.objects[world.keys(f"{third.id}/manifest")[0]]
    assert first.snapshot_at > NOW
