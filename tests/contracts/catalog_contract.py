"""What every catalog promises (`orchestrator.ports.catalog`): the reader's and the writer's part.

An adapter's test file has a fixture ``catalog`` that gives a new empty catalog, and a subclass of
`CatalogContract`.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from orchestrator.errors import CatalogError
from orchestrator.model.backup import Backup, Copy, CopyState, Trigger
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.run import CLOCK, LogAction, LogOutcome, RunResult, RunState
from orchestrator.model.verification import Level
from orchestrator.ports.catalog import Catalog, SeriesRecord
from tests.contracts.catalog_applied_contract import AppliedContract, RenameContract
from tests.contracts.catalog_history_contract import HistoriesContract
from tests.contracts.catalog_lease_contract import LeasesContract
from tests.contracts.catalog_marks_contract import MarksContract
from tests.contracts.catalog_outbox_contract import (
    AlertFactsContract,
    IncidentsContract,
    OutboxContract,
)
from tests.contracts.catalog_pruning_contract import PruningContract
from tests.contracts.catalog_rebuild_contract import RebuildContract
from tests.contracts.catalog_space_contract import SpaceContract
from tests.contracts.catalog_timeline_contract import TimelineContract
from tests.contracts.catalog_values import (
    HOUR,
    MINUTE,
    NOON,
    UNPROVED,
    a_verification,
    an_applied,
    an_entry,
    at_once,
    run_id,
    subjects,
)
from tests.support.builders import (
    a_backup,
    a_copy,
    a_damaged_copy,
    a_reason,
    a_revision,
    a_run,
    a_series,
    a_slot,
    an_error_report,
)

OTHER = a_series("payroll", "wages")


class BackupsContract:
    def test_an_empty_catalog_knows_nothing(self, catalog: Catalog):
        assert not catalog.backups()
        assert catalog.backup(BackupId("20261122T020000Z-7f3a9c")) is None
        assert not catalog.runs()
        assert not catalog.log()
        assert not catalog.series_records()

    def test_a_backup_comes_back_equal_with_its_copies_in_order(self, catalog: Catalog):
        reason = a_reason(a_slot("2026-11-22T02:00"), a_slot("2026-11-22T00:00", "frequent"))
        copies = [a_copy("local", verified_at=NOON), a_damaged_copy("archive", "size \0 \udc80 é")]
        backup = a_backup(NOON, copies=copies, reason=reason, sequence=2**40)
        stored = replace(copies[1], trouble="size � � é")
        catalog.record_backup(backup, an_entry())
        assert catalog.backup(backup.id) in (backup, replace(backup, copies=(copies[0], stored)))
        assert len(catalog.backups()) == 1

    def test_a_backup_without_copies_is_listed(self, catalog: Catalog):
        backup = replace(a_backup(NOON, copies=[]), git_commit="c0ffee")
        catalog.record_backup(backup, an_entry())
        assert catalog.backups() == [backup]

    def test_times_come_back_in_utc_to_the_microsecond(self, catalog: Catalog):
        local = NOON.astimezone(timezone(timedelta(hours=-11)))
        catalog.record_backup(a_backup(local), an_entry(at=local))
        (backup,) = catalog.backups()
        assert backup.snapshot_at == NOON
        assert catalog.log()[0].at == NOON
        assert catalog.log()[0].at.tzinfo is UTC

    def test_backups_are_listed_oldest_snapshot_first(self, catalog: Catalog):
        backups = [a_backup(NOON + n * timedelta(microseconds=1)) for n in (2, 0, 3, 1)]
        for backup in backups:
            catalog.record_backup(backup, an_entry())
        assert list(catalog.backups()) == sorted(backups, key=lambda b: b.snapshot_at)

    def test_backups_of_one_series_leave_the_others_out(self, catalog: Catalog):
        ours, others = a_backup(NOON), a_backup(NOON, series=OTHER)
        catalog.record_backup(others, an_entry())
        catalog.record_backup(ours, an_entry())
        assert catalog.backups(a_series()) == [ours]
        assert catalog.backups(a_series(database="App")) == []
        assert len(catalog.backups()) == 2

    def test_a_backup_that_is_known_stays_as_it_is_without_a_log_entry(self, catalog: Catalog):
        backup = a_backup(NOON)
        catalog.record_backup(backup, an_entry("first"))
        catalog.record_backup(replace(backup, rows=7, copies=UNPROVED), an_entry("second"))
        assert catalog.backups() == [backup]
        assert subjects(catalog) == ["first"]

    def test_an_id_that_another_series_has_is_refused_not_ignored(self, catalog: Catalog):
        backup, run = a_backup(NOON), a_run(NOON)
        catalog.record_backup(backup, an_entry("backup"))
        catalog.record_run_started(run, an_entry("run"))
        with pytest.raises(CatalogError, match="has the same id"):
            catalog.record_backup(replace(backup, series=OTHER), an_entry("other"))
        with pytest.raises(CatalogError, match="has the same id"):
            catalog.record_run_started(replace(run, series=OTHER), an_entry("other"))
        assert subjects(catalog) == ["backup", "run"]


def local_copy(catalog: Catalog, backup: Backup) -> Copy:
    found = catalog.backup(backup.id)
    assert found is not None
    assert found.copies[1] == UNPROVED[1], "the copy elsewhere was not verified"
    return found.copies[0]


class VerificationsContract:
    @pytest.fixture
    def unproved(self, catalog: Catalog) -> Backup:
        backup = a_backup(NOON, copies=UNPROVED)
        catalog.record_backup(backup, an_entry("backup"))
        return backup

    def test_a_pass_raises_the_level_and_is_logged(self, catalog: Catalog, unproved: Backup):
        at = NOON + HOUR
        catalog.record_verification(a_verification(unproved, at=at), an_entry("verify", at=at))
        assert local_copy(catalog, unproved) == a_copy(level=Level.OBJECTS, verified_at=at)
        assert subjects(catalog) == ["backup", "verify"]

    def test_a_weaker_pass_never_lowers_the_level_nor_its_time(
        self, catalog: Catalog, unproved: Backup
    ):
        catalog.record_verification(a_verification(unproved, Level.CONTENT), an_entry())
        later = a_verification(unproved, Level.STORED, at=NOON + HOUR)
        catalog.record_verification(later, an_entry())
        assert local_copy(catalog, unproved) == a_copy(level=Level.CONTENT, verified_at=NOON)

    def test_the_same_level_again_renews_its_time(self, catalog: Catalog, unproved: Backup):
        for at in (NOON, NOON + HOUR):
            catalog.record_verification(a_verification(unproved, at=at), an_entry(at=at))
        assert local_copy(catalog, unproved).verified_at == NOON + HOUR

    def test_damage_takes_the_level_and_says_what_is_wrong(
        self, catalog: Catalog, unproved: Backup
    ):
        catalog.record_verification(a_verification(unproved, Level.CONTENT), an_entry())
        damage = a_verification(unproved, at=NOON + HOUR, damage=3)
        catalog.record_verification(damage, an_entry("damaged", at=NOON + HOUR))
        copy = local_copy(catalog, unproved)
        assert (copy.state, copy.level) == (CopyState.DAMAGED, None)
        assert copy.trouble == "chunks/ab/0: missing (and 2 more)"
        assert subjects(catalog)[-1] == "damaged"

    def test_a_pass_after_damage_makes_the_copy_complete(self, catalog: Catalog, unproved: Backup):
        catalog.record_verification(a_verification(unproved, damage=1), an_entry())
        later = a_verification(unproved, at=NOON + HOUR)
        catalog.record_verification(later, an_entry())
        assert local_copy(catalog, unproved) == a_copy(level=Level.OBJECTS, verified_at=NOON + HOUR)

    def test_a_pass_from_before_the_damage_does_not_hide_it(
        self, catalog: Catalog, unproved: Backup
    ):
        damage = a_verification(unproved, at=NOON + HOUR, damage=1)
        catalog.record_verification(damage, an_entry())
        catalog.record_verification(a_verification(unproved, at=NOON), an_entry("late"))
        assert local_copy(catalog, unproved).state is CopyState.DAMAGED

    def test_a_weaker_pass_does_not_heal_what_a_stronger_reading_found(
        self, catalog: Catalog, unproved: Backup
    ):
        damage = a_verification(unproved, Level.CONTENT, at=NOON, damage=1)
        catalog.record_verification(damage, an_entry())
        for minutes, level in enumerate((Level.STORED, Level.OBJECTS), start=1):
            weaker = a_verification(unproved, level, at=NOON + minutes * MINUTE)
            catalog.record_verification(weaker, an_entry("weaker"))
            assert local_copy(catalog, unproved).state is CopyState.DAMAGED
        equal = a_verification(unproved, Level.CONTENT, at=NOON + HOUR)
        catalog.record_verification(equal, an_entry("equal"))
        assert local_copy(catalog, unproved).state is CopyState.COMPLETE

    def test_the_same_result_again_changes_nothing(self, catalog: Catalog, unproved: Backup):
        for _ in range(2):
            catalog.record_verification(a_verification(unproved), an_entry("verify"))
        assert subjects(catalog) == ["backup", "verify"]

    def test_the_result_for_an_unknown_copy_is_refused(self, catalog: Catalog, unproved: Backup):
        elsewhere = replace(a_verification(unproved), destination=DestinationName("moon"))
        unknown = a_verification(a_backup(NOON + HOUR))
        for verification in (elsewhere, unknown):
            with pytest.raises(CatalogError, match="no such copy"):
                catalog.record_verification(verification, an_entry("verify"))
        assert subjects(catalog) == ["backup"]


class RunsContract:
    def test_every_attempt_is_kept_oldest_first(self, catalog: Catalog):
        reason = a_reason(a_slot("2026-11-22T02:00"))
        attempts = [a_run(NOON + n * MINUTE, reason=reason) for n in (1, 0, 2)]
        for run in attempts:
            catalog.record_run_started(run, an_entry(run.id))
        assert list(catalog.runs()) == sorted(attempts, key=lambda run: run.started_at)
        assert set(subjects(catalog)) == {run.id for run in attempts}

    def test_runs_are_read_by_series_and_from_a_time_on(self, catalog: Catalog):
        early, late = a_run(NOON), a_run(NOON + MINUTE, reason=a_reason(trigger=Trigger.FIRST))
        other = a_run(NOON + MINUTE, series=OTHER)
        for run in (early, late, other):
            catalog.record_run_started(run, an_entry())
        assert catalog.runs(a_series()) == [early, late]
        assert catalog.runs(a_series(), since=NOON + MINUTE) == [late]
        assert catalog.runs(OTHER, since=NOON) == [other]
        assert len(catalog.runs(since=NOON + MINUTE)) == 2
        assert not catalog.runs(since=NOON + HOUR)

    def test_a_start_that_is_known_changes_nothing(self, catalog: Catalog):
        run = a_run(NOON)
        catalog.record_run_started(run, an_entry("first"))
        catalog.record_run_started(replace(run, fence=9), an_entry("second"))
        assert catalog.runs() == [run]
        assert subjects(catalog) == ["first"]

    @pytest.mark.parametrize(
        "result",
        [
            RunResult(state=RunState.SUCCEEDED, backup=a_backup().id),
            RunResult(state=RunState.FAILED, error=an_error_report()),
            RunResult(
                state=RunState.INTERRUPTED, backup=a_backup().id, error=an_error_report("ORC-901")
            ),
        ],
        ids=lambda result: result.state.value,
    )
    def test_a_run_closes_with_its_result(self, catalog: Catalog, result: RunResult):
        run, ended = a_run(NOON), NOON + MINUTE
        catalog.record_run_started(run, an_entry("start"))
        catalog.record_run_finished(run.id, result=result, at=ended, entry=an_entry("end"))
        assert catalog.runs() == [run.finished(result, ended)]
        assert subjects(catalog) == ["start", "end"]

    def test_a_run_closes_once(self, catalog: Catalog):
        run, ended = a_run(NOON), NOON + MINUTE
        success = RunResult(state=RunState.SUCCEEDED)
        failure = RunResult(state=RunState.FAILED, error=an_error_report())
        catalog.record_run_started(run, an_entry("start"))
        catalog.record_run_finished(run.id, result=success, at=ended, entry=an_entry("end"))
        catalog.record_run_finished(run.id, result=failure, at=ended, entry=an_entry("again"))
        catalog.record_run_started(run, an_entry("start again"))
        assert catalog.runs() == [run.finished(success, ended)]
        assert subjects(catalog) == ["start", "end"]

    def test_a_run_that_never_started_cannot_close(self, catalog: Catalog):
        success = RunResult(state=RunState.SUCCEEDED)
        with pytest.raises(CatalogError, match="never heard") as caught:
            catalog.record_run_finished(run_id(1), result=success, at=NOON, entry=an_entry())
        assert caught.value.next_step
        assert not catalog.log()


class LogContract:
    def test_an_entry_comes_back_equal(self, catalog: Catalog):
        entry = replace(
            an_entry("späť", reason="it's \0 \udc80 \N{SNOWMAN}", empty=""),
            action=LogAction.RESTORE,
            outcome=LogOutcome.INTERRUPTED,
        )
        catalog.append_log(entry)
        assert catalog.log() == [entry]

    def test_the_log_is_read_oldest_first_from_a_time_on(self, catalog: Catalog):
        for subject, minutes in (("c", 2), ("a", 0), ("b1", 1), ("b2", 1)):
            catalog.append_log(an_entry(subject, at=NOON + minutes * MINUTE))
        assert subjects(catalog) == ["a", "b1", "b2", "c"]
        assert [e.subject for e in catalog.log(since=NOON + MINUTE)] == ["b1", "b2", "c"]

    def test_the_very_same_entry_again_changes_nothing(self, catalog: Catalog):
        for _ in range(2):
            catalog.append_log(an_entry(copies="1"))
        catalog.append_log(an_entry(copies="2"))
        assert catalog.log() == [an_entry(copies="1"), an_entry(copies="2")]

    def test_the_latest_time_of_the_log_is_told_until_the_clock_is_acknowledged(
        self, catalog: Catalog
    ):
        later = NOON + HOUR
        acknowledged = replace(an_entry(CLOCK), action=LogAction.ACKNOWLEDGE)
        told = [catalog.clock_ahead(since=NOON + MINUTE)]
        for entry in (
            *(an_entry("ahead", at=later), an_entry("behind it", at=NOON + 2 * MINUTE)),
            *(an_entry(CLOCK), replace(an_entry(), action=LogAction.ACKNOWLEDGE)),
            *(acknowledged, an_entry("ahead again", at=later + MINUTE)),
            *(replace(acknowledged, at=NOON + MINUTE), an_entry("last")),
        ):
            catalog.append_log(entry)
            told.append(catalog.clock_ahead(since=NOON + MINUTE))
        again = [None, later + MINUTE, NOON + MINUTE, NOON + MINUTE]
        assert told == [None, later, later, later, later, *again]

    def test_a_naive_time_is_refused_with_all_that_came_with_it(self, catalog: Catalog):
        naive = an_entry(at=datetime(2026, 11, 22, 12))  # noqa: DTZ001 -- what is to be refused
        with pytest.raises(CatalogError, match="naive"):
            catalog.record_backup(a_backup(NOON), naive)
        assert not catalog.backups()

    def test_threads_that_write_at_once_lose_nothing(self, catalog: Catalog):
        def write(writer: int) -> None:
            for number in range(25):
                catalog.append_log(an_entry(f"{writer} {number}"))

        assert at_once(*(lambda w=w: write(w) for w in range(4))) == [None] * 4
        assert len(catalog.log()) == 100


class SettingsContract:
    """What is known of series, destinations and policies."""

    def test_the_path_of_a_series_never_changes_and_its_tables_add_up(self, catalog: Catalog):
        series = a_series()
        for path, blocks in (("old", {"a": 8, "b": 16}), ("new", {"b": 32, "c": 1})):
            catalog.record_series(SeriesRecord(series=series, path=path, blocks_per_chunk=blocks))
        (record,) = catalog.series_records()
        assert (record.series, record.path) == (series, "old")
        assert record.blocks_per_chunk == {"a": 8, "b": 32, "c": 1}

    def test_series_are_listed_by_policy_and_database(self, catalog: Catalog):
        listed = [a_series("Z", "a"), a_series("a", "B"), a_series("a", "a"), a_series("é", "a")]
        for series in reversed(listed):
            record = SeriesRecord(series=series, path=str(series), blocks_per_chunk={})
            catalog.record_series(record)
        assert [record.series for record in catalog.series_records()] == listed

    def test_the_marker_of_a_destination_is_remembered_until_another_comes(self, catalog: Catalog):
        local = DestinationName("local")
        assert catalog.destination_marker(local) is None
        catalog.record_destination(local, "one")
        catalog.record_destination(DestinationName("offsite"), "far")
        catalog.record_destination(local, "two")
        assert catalog.destination_marker(local) == "two"

    def test_nothing_is_applied_at_first(self, catalog: Catalog):
        assert catalog.applied() == (None, [])

    def test_exactly_the_schedules_given_last_are_applied(self, catalog: Catalog):
        first, second = a_revision("a", "c0ffee"), a_revision("b")
        catalog.record_applied(first, [an_applied("x"), an_applied("a")], an_entry("first"))
        assert catalog.applied() == (first, [an_applied("x"), an_applied("a")])
        catalog.record_applied(second, [an_applied(since=NOON + HOUR)], an_entry("second"))
        assert catalog.applied() == (second, [an_applied(since=NOON + HOUR)])
        catalog.record_applied(first, [], an_entry("third"))
        assert catalog.applied() == (first, [])
        assert subjects(catalog) == ["first", "second", "third"]

    def test_applying_the_same_digest_again_is_not_logged(self, catalog: Catalog):
        schedules = [an_applied()]
        catalog.record_applied(a_revision("a"), schedules, an_entry("first"))
        catalog.record_applied(a_revision("a", "c0ffee"), schedules, an_entry("second"))
        assert catalog.applied() == (a_revision("a", "c0ffee"), schedules)
        assert subjects(catalog) == ["first"]

    def test_two_passes_that_apply_at_once_log_it_once(self, catalog: Catalog):
        calls = [
            lambda n=n: catalog.record_applied(
                a_revision("a"), [an_applied()], an_entry(f"pass {n}")
            )
            for n in range(4)
        ]
        assert at_once(*calls) == [None] * 4
        assert catalog.applied() == (a_revision("a"), [an_applied()])
        assert len(catalog.log()) == 1


class CatalogContract(
    BackupsContract,
    HistoriesContract,
    VerificationsContract,
    RunsContract,
    LogContract,
    SettingsContract,
    RebuildContract,
    PruningContract,
    MarksContract,
    LeasesContract,
    TimelineContract,
    AppliedContract,
    RenameContract,
    SpaceContract,
    IncidentsContract,
    OutboxContract,
    AlertFactsContract,
):
    """Everything that a catalog promises."""
