"""What every catalog promises of backups that were found at a destination."""

from dataclasses import replace

import pytest

from orchestrator.errors import CatalogError
from orchestrator.model.marks import Suspicion
from orchestrator.model.pruning import Tombstone
from orchestrator.ports.catalog import Catalog
from tests.contracts.catalog_values import HOUR, MINUTE, NOON, an_entry, run_id, subjects
from tests.support.builders import a_backup, a_copy, a_series, an_actor

OTHER = a_series("payroll", "wages")


def take_fence(catalog: Catalog) -> int:
    lease = catalog.acquire(a_series(), run_id(1), holder=an_actor(), now=NOON, duration=MINUTE)
    catalog.release(lease)
    return lease.fence


class RebuildContract:
    def test_found_backups_are_recorded_with_marks_and_one_log_entry(self, catalog: Catalog):
        suspicion = Suspicion(at=NOON, reasons=("users is empty",))
        found = [a_backup(NOON), replace(a_backup(NOON + HOUR), suspicion=suspicion)]
        catalog.record_found(a_series(), found, an_entry("found"))
        assert catalog.backups() == found
        assert subjects(catalog) == ["found"]

    def test_a_rebuilt_series_is_known_as_such_until_acknowledged(self, catalog: Catalog):
        assert catalog.rebuilt_series() == {}
        catalog.record_found(a_series(), [a_backup(NOON)], an_entry("found"))
        catalog.record_found(OTHER, [a_backup(NOON, series=OTHER)], an_entry("too", at=NOON + HOUR))
        assert catalog.rebuilt_series() == {a_series(): NOON, OTHER: NOON + HOUR}
        for _ in range(2):
            catalog.acknowledge_rebuild(OTHER, an_entry("seen", at=NOON + 2 * HOUR))
        assert catalog.rebuilt_series() == {a_series(): NOON}
        assert subjects(catalog) == ["found", "too", "seen"]

    def test_acknowledging_what_was_not_rebuilt_changes_nothing(self, catalog: Catalog):
        catalog.acknowledge_rebuild(a_series(), an_entry())
        assert subjects(catalog) == []

    def test_finding_nothing_new_changes_nothing(self, catalog: Catalog):
        catalog.record_backup(a_backup(NOON), an_entry("backup"))
        changed = replace(a_backup(NOON), rows=7, copies=(a_copy(level=None),))
        catalog.record_found(a_series(), [changed], an_entry("found"))
        assert catalog.backups() == [a_backup(NOON)]
        assert catalog.rebuilt_series() == {}
        assert subjects(catalog) == ["backup"]

    def test_a_copy_elsewhere_is_added_to_a_known_backup_behind_the_others(self, catalog: Catalog):
        known = a_backup(NOON, copies=[a_copy("zeta"), a_copy("alpha")])
        catalog.record_backup(known, an_entry("backup"))
        elsewhere = a_copy("mid", level=None)
        found = replace(known, copies=(a_copy("zeta", level=None), elsewhere))
        catalog.record_found(a_series(), [found], an_entry("found"))
        assert catalog.backups() == [replace(known, copies=(*known.copies, elsewhere))]
        assert set(catalog.rebuilt_series()) == {a_series()}

    def test_a_backup_that_was_pruned_and_lies_there_again_is_known_again(self, catalog: Catalog):
        backup = a_backup(NOON)
        catalog.record_backup(backup, an_entry("backup"))
        stone = Tombstone(
            series=backup.series,
            backup=backup.id,
            destination=backup.copies[0].destination,
            snapshot_at=backup.snapshot_at,
            expired_at=NOON,
            beyond_normal_ageing=False,
            reason="too old",
            pruned_at=NOON + HOUR,
        )
        catalog.record_pruned(stone, an_entry("pruned"))
        assert catalog.backups() == []
        catalog.record_found(a_series(), [backup], an_entry("found"))
        assert catalog.backups() == [backup]
        assert set(catalog.rebuilt_series()) == {a_series()}

    def test_an_id_that_another_series_has_leaves_everything_as_it_was(self, catalog: Catalog):
        taken = a_backup(NOON)
        catalog.record_backup(taken, an_entry("backup"))
        found = [a_backup(NOON, series=OTHER), replace(taken, series=OTHER)]
        with pytest.raises(CatalogError, match="has the same id"):
            catalog.record_found(OTHER, found, an_entry("found"))
        assert catalog.backups() == [taken]
        assert catalog.rebuilt_series() == {}

    def test_a_first_lease_has_a_higher_fence_than_every_backup(self, catalog: Catalog):
        found = [replace(a_backup(NOON), fence=41), replace(a_backup(NOON + HOUR), fence=9)]
        catalog.record_found(a_series(), found, an_entry())
        catalog.record_found(OTHER, [replace(a_backup(NOON, series=OTHER), fence=99)], an_entry())
        assert [take_fence(catalog), take_fence(catalog)] == [42, 43]

    def test_a_later_lease_rises_above_backups_that_were_found_meanwhile(self, catalog: Catalog):
        assert take_fence(catalog) == 1
        catalog.record_found(a_series(), [replace(a_backup(NOON), fence=7)], an_entry())
        assert take_fence(catalog) == 8

    def test_a_take_over_rises_above_them_too(self, catalog: Catalog):
        gone = catalog.acquire(a_series(), run_id(1), holder=an_actor(), now=NOON, duration=MINUTE)
        catalog.record_found(a_series(), [replace(a_backup(NOON), fence=7)], an_entry())
        lease = catalog.acquire(
            a_series(), run_id(2), holder=an_actor(), now=NOON, duration=MINUTE, taking_over=gone
        )
        assert lease.fence == 8
