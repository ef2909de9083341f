"""What every catalog promises of the past of series (`orchestrator.ports.history`)."""

from dataclasses import replace
from datetime import datetime

from orchestrator.model.backup import Backup, RunReason, Trigger
from orchestrator.model.marks import Suspicion
from orchestrator.model.names import BackupId, DestinationName
from orchestrator.model.pruning import Tombstone
from orchestrator.model.run import Run, RunResult, RunState
from orchestrator.ports.catalog import Catalog
from orchestrator.ports.history import SeriesHistory
from tests.contracts.catalog_values import HOUR, MINUTE, NOON, an_entry
from tests.support.builders import (
    a_backup,
    a_copy,
    a_damaged_copy,
    a_run,
    a_series,
    an_error_report,
)

OTHER = a_series("payroll", "wages")
NAMESAKE = a_series("payroll", "app")
FAILED, INTERRUPTED = RunState.FAILED, RunState.INTERRUPTED


def note(catalog: Catalog, *backups: Backup) -> None:
    for backup in backups:
        catalog.record_backup(backup, an_entry(backup.id))


def attempt(catalog: Catalog, at: datetime, state: RunState | None = None) -> Run:
    """An attempt that takes a minute and ends so, or is still under way."""
    run = a_run(at)
    catalog.record_run_started(run, an_entry(run.id))
    if state is None:
        return run
    error = an_error_report() if state is FAILED else None
    result = RunResult(state=state, error=error)
    catalog.record_run_finished(run.id, result=result, at=at + MINUTE, entry=an_entry("end", at=at))
    return run.finished(result, at + MINUTE)


def history(catalog: Catalog) -> SeriesHistory:
    return catalog.histories([a_series()])[a_series()]


class HistoriesContract:
    def test_a_series_without_a_past_has_an_empty_history(self, catalog: Catalog):
        assert catalog.histories([OTHER]) == {OTHER: SeriesHistory()}
        assert catalog.histories([]) == {}

    def test_backups_are_outlined_oldest_first_with_all_their_copies(self, catalog: Catalog):
        copies = [a_damaged_copy("offsite"), a_copy(level=None), a_copy("archive")]
        old, new = a_backup(NOON, copies=copies), a_backup(NOON + HOUR, sequence=2)
        note(catalog, new, old)
        for seen, backup in zip(history(catalog).backups, [old, new], strict=True):
            assert (seen.id, seen.series, seen.sequence) == (backup.id, a_series(), backup.sequence)
            assert (seen.snapshot_at, seen.finished_at) == (backup.snapshot_at, backup.finished_at)
            assert [(c.destination, c.state, c.level) for c in seen.copies] == [
                (c.destination, c.state, c.level) for c in backup.copies
            ]

    def test_what_pruning_remembers_of_a_copy_is_outlined(self, catalog: Catalog):
        backup = a_backup(NOON)
        note(catalog, backup)
        local = DestinationName("local")
        catalog.record_expired(
            local, [backup.id], at=NOON, beyond_normal_ageing=True, entry=an_entry("expired")
        )
        catalog.record_prune_started(backup.id, local, an_entry("started"))
        catalog.record_prune_refused(
            backup.id, local, at=NOON + HOUR, is_whole=True, entry=an_entry("refused")
        )
        (copy,) = history(catalog).backups[0].copies
        assert (copy.expired_at, copy.beyond_normal_ageing) == (NOON, True)
        assert copy.prune_refused_at == NOON + HOUR

    def test_outlines_are_as_their_marks_say(self, catalog: Catalog):
        suspicious = replace(a_backup(NOON), suspicion=Suspicion(at=NOON, reasons=("empty",)))
        note(catalog, suspicious, a_backup(NOON + HOUR))
        assert [backup.is_suspicious for backup in history(catalog).backups] == [True, False]

    def test_outlines_say_what_was_taken_before_a_restore(self, catalog: Catalog):
        safety = replace(a_backup(NOON), reason=RunReason(trigger=Trigger.BEFORE_RESTORE))
        note(catalog, safety, a_backup(NOON + HOUR))
        assert [backup.is_safety_copy for backup in history(catalog).backups] == [True, False]

    def test_every_series_has_a_history_of_its_own(self, catalog: Catalog):
        ours, others = a_backup(NOON), a_backup(NOON, series=OTHER)
        note(catalog, ours, others, a_backup(NOON, series=NAMESAKE))
        found = catalog.histories([OTHER, a_series()])
        assert {series: [b.id for b in past.backups] for series, past in found.items()} == {
            a_series(): [ours.id],
            OTHER: [others.id],
        }

    def test_a_backup_is_outlined_until_its_last_copy_was_pruned(self, catalog: Catalog):
        backup = a_backup(NOON, copies=[a_copy("local"), a_copy("offsite")])
        note(catalog, backup)
        for place, left in (("local", ["offsite"]), ("offsite", None)):
            stone = Tombstone(
                series=backup.series,
                backup=backup.id,
                destination=DestinationName(place),
                snapshot_at=NOON,
                expired_at=NOON,
                beyond_normal_ageing=False,
                reason="",
                pruned_at=NOON,
            )
            catalog.record_pruned(stone, an_entry(place))
            seen = history(catalog).backups
            assert [[copy.destination for copy in one.copies] for one in seen] == (
                [left] if left else []
            )

    def test_it_tells_what_the_databases_clock_said_at_the_last_backup(self, catalog: Catalog):
        assert history(catalog).server_ahead is None
        run = attempt(catalog, NOON)
        result = RunResult(state=RunState.SUCCEEDED, server_ahead=-HOUR)
        catalog.record_run_finished(run.id, result=result, at=NOON, entry=an_entry("finished"))
        last = replace(a_backup(NOON, sequence=2), run=run.id)
        # Its clock was ahead, so that it seems to be the newer one.
        note(catalog, last, a_backup(NOON + HOUR, sequence=1))
        assert history(catalog).server_ahead == -HOUR

    def test_failures_are_those_after_the_last_attempt_that_succeeded(self, catalog: Catalog):
        attempt(catalog, NOON, FAILED)
        assert len(history(catalog).failures) == 1
        attempt(catalog, NOON + HOUR, RunState.SUCCEEDED)
        assert history(catalog).failures == ()
        failures = [
            attempt(catalog, NOON + n * HOUR, state) for n, state in ((3, INTERRUPTED), (4, FAILED))
        ]
        assert list(history(catalog).failures) == failures

    def test_an_attempt_that_still_runs_ends_no_failure(self, catalog: Catalog):
        attempt(catalog, NOON)
        assert history(catalog).failures == ()
        failed = attempt(catalog, NOON + HOUR, FAILED)
        attempt(catalog, NOON + 2 * HOUR)
        assert history(catalog).failures == (failed,)
        last = attempt(catalog, NOON + 3 * HOUR, INTERRUPTED)
        assert history(catalog).failures == (failed, last)

    def test_it_tells_when_an_attempt_last_broke_off(self, catalog: Catalog):
        attempt(catalog, NOON, INTERRUPTED)
        attempt(catalog, NOON + HOUR, RunState.SUCCEEDED)
        assert history(catalog).broken_off_at == NOON + MINUTE
        attempt(catalog, NOON + 2 * HOUR, FAILED)
        assert history(catalog).broken_off_at == NOON + 2 * HOUR + MINUTE

    def test_backups_are_found_by_name_in_full(self, catalog: Catalog):
        backups = [a_backup(NOON + n * HOUR) for n in range(3)]
        note(catalog, *backups)
        unknown = BackupId("20261122T020000Z-7f3a9c")
        found = catalog.backups_named([backups[2].id, unknown, backups[0].id])
        assert found == {backup.id: backup for backup in (backups[0], backups[2])}
        assert catalog.backups_named([]) == {}
