"""What every catalog promises about marks (`orchestrator.ports.catalog.Marks`)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.errors import CatalogError
from orchestrator.model.marks import Mark
from orchestrator.ports.catalog import Catalog
from tests.contracts.catalog_values import NOON, an_entry, at_once, subjects
from tests.support.builders import a_backup, a_copy, a_series
from tests.support.marks import a_hold, a_release, a_suspicion, an_acknowledgement

OTHER = a_series("payroll", "wages")
ODD = "it's \0 \udc80 \N{SNOWMAN}"


class MarksContract:
    def test_a_backup_is_recorded_with_its_marks(self, catalog: Catalog):
        copies = [a_copy("local"), a_copy("offsite")]
        marks: list[Mark] = [a_suspicion("one", ODD), a_hold("one"), a_hold("two", until=NOON)]
        backup = a_backup(NOON, copies=copies).marked(marks)
        catalog.record_backup(backup, an_entry())
        assert catalog.backups() == [backup]
        assert catalog.backup(backup.id) == backup
        assert set(catalog.marks(backup.id)) == set(marks)

    def test_every_kind_of_mark_comes_back_equal_oldest_first(self, catalog: Catalog):
        backup = a_backup(NOON)
        catalog.record_backup(backup, an_entry())
        hold = a_hold("why", at=NOON + timedelta(minutes=2))
        marks = [
            a_suspicion(at=NOON),
            an_acknowledgement(at=NOON + timedelta(minutes=1)),
            hold,
            a_release(hold),
        ]
        for mark in reversed(marks):
            catalog.record_mark(backup.id, mark, an_entry(mark.name))
        assert catalog.marks(backup.id) == marks
        assert catalog.backups() == [backup.marked(marks)]
        assert not catalog.backups()[0].holds

    def test_marks_show_on_their_backup_alone(self, catalog: Catalog):
        ours, theirs = a_backup(NOON), a_backup(NOON, series=OTHER)
        for backup in (ours, theirs):
            catalog.record_backup(backup, an_entry(backup.id))
        catalog.record_mark(ours.id, a_hold(), an_entry("hold"))
        assert catalog.backups(ours.series) == [ours.marked([a_hold()])]
        assert catalog.backups(OTHER) == [theirs]
        assert catalog.backup(theirs.id) == theirs
        assert not catalog.marks(theirs.id)

    def test_a_mark_that_is_known_stays_as_it_is_without_a_log_entry(self, catalog: Catalog):
        backup = a_backup(NOON)
        catalog.record_backup(backup, an_entry("backup"))
        catalog.record_mark(backup.id, a_hold(), an_entry("first"))
        changed = replace(a_hold(), until=NOON)
        catalog.record_mark(backup.id, changed, an_entry("second"))
        assert catalog.marks(backup.id) == [a_hold()]
        assert subjects(catalog) == ["backup", "first"]

    def test_a_mark_of_an_unknown_backup_is_refused(self, catalog: Catalog):
        with pytest.raises(CatalogError, match="no such backup"):
            catalog.record_mark(a_backup(NOON).id, a_hold(), an_entry())
        assert not catalog.log()

    def test_marks_made_at_once_are_all_kept(self, catalog: Catalog):
        backup = a_backup(NOON)
        catalog.record_backup(backup, an_entry())
        holds = [a_hold(f"reason {number}") for number in range(8)]
        at_once(
            *(
                lambda hold=hold: catalog.record_mark(backup.id, hold, an_entry(hold.reason))
                for hold in holds
            )
        )
        assert set(catalog.marks(backup.id)) == set(holds)
        assert len(catalog.log()) == 9
