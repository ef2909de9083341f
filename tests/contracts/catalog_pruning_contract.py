"""What every catalog promises of copies that no rule keeps, and of objects that nothing names."""

from collections.abc import Collection
from dataclasses import replace

import pytest

from orchestrator.model.backup import Backup, Copy, CopyState
from orchestrator.model.names import BackupId, DestinationName, ObjectKey
from orchestrator.model.pruning import CollectionState, Tombstone
from orchestrator.ports.catalog import Catalog
from tests.contracts.catalog_values import HOUR, NOON, a_verification, an_entry, subjects
from tests.support.builders import a_backup, a_copy, a_damaged_copy, a_series

LOCAL, OFFSITE = DestinationName("local"), DestinationName("offsite")
OTHER = a_series("payroll", "wages")
KEYS = [ObjectKey(f"practice/app/chunks/{n}") for n in range(4)]


def a_stone(backup: Backup, destination: DestinationName = LOCAL) -> Tombstone:
    return Tombstone(
        series=backup.series,
        backup=backup.id,
        destination=destination,
        snapshot_at=backup.snapshot_at,
        expired_at=NOON,
        beyond_normal_ageing=True,
        reason="no rule keeps it: \0",
        pruned_at=NOON + HOUR,
    )


def expire(catalog: Catalog, *backups: Backup, beyond: bool = False, hours: int = 0) -> None:
    ids: Collection[BackupId] = [backup.id for backup in backups]
    at = NOON + hours * HOUR
    entry = an_entry("expire", at=at)
    catalog.record_expired(LOCAL, ids, at=at, beyond_normal_ageing=beyond, entry=entry)


def copy_at(catalog: Catalog, backup: Backup, destination: DestinationName = LOCAL) -> Copy:
    found = catalog.backup(backup.id)
    assert found is not None
    return next(copy for copy in found.copies if copy.destination == destination)


class PruningContract:
    @pytest.fixture
    def stored(self, catalog: Catalog) -> Backup:
        backup = a_backup(NOON, copies=[a_copy("local"), a_copy("offsite")])
        catalog.record_backup(backup, an_entry("backup"))
        return backup

    def test_a_mark_stays_as_it_was_made_first(self, catalog: Catalog, stored: Backup):
        expire(catalog, stored, beyond=True)
        expire(catalog, stored, a_backup(NOON + HOUR), hours=1)
        copy = copy_at(catalog, stored)
        assert (copy.expired_at, copy.beyond_normal_ageing) == (NOON, True)
        assert copy_at(catalog, stored, OFFSITE).expired_at is None
        assert subjects(catalog) == ["backup", "expire"]

    def test_a_mark_is_taken_back_with_all_that_came_with_it(
        self, catalog: Catalog, stored: Backup
    ):
        expire(catalog, stored, beyond=True)
        for _ in range(2):
            catalog.record_kept_again(LOCAL, [stored.id], an_entry("keep", at=NOON + HOUR))
        assert catalog.backups() == [stored]
        assert subjects(catalog) == ["backup", "expire", "keep"]

    def test_a_verification_leaves_the_mark_alone(self, catalog: Catalog, stored: Backup):
        expire(catalog, stored, beyond=True)
        catalog.record_verification(a_verification(stored, at=NOON + HOUR), an_entry("verify"))
        copy = copy_at(catalog, stored)
        assert (copy.verified_at, copy.expired_at) == (NOON + HOUR, NOON)
        assert copy.beyond_normal_ageing

    def test_a_copy_that_is_being_pruned_is_listed_and_no_reading_changes_it(
        self, catalog: Catalog, stored: Backup
    ):
        expire(catalog, stored)
        catalog.record_prune_started(stored.id, LOCAL, an_entry("start"))
        before = copy_at(catalog, stored)
        assert before.state is CopyState.PRUNING
        for damage in (0, 1):
            result = a_verification(stored, at=NOON + HOUR, damage=damage)
            catalog.record_verification(result, an_entry(f"verify {damage}"))
        assert copy_at(catalog, stored) == before
        assert copy_at(catalog, stored, OFFSITE) == stored.copies[1]

    def test_a_pruned_copy_is_gone_and_leaves_a_tombstone(self, catalog: Catalog, stored: Backup):
        stone = a_stone(stored)
        catalog.record_prune_started(stored.id, LOCAL, an_entry("start"))
        for _ in range(2):
            catalog.record_pruned(stone, an_entry("pruned", at=NOON + HOUR))
        assert catalog.backups() == [replace(stored, copies=stored.copies[1:])]
        found = catalog.tombstones(since=NOON)[a_series()]
        assert [replace(one, reason="") for one in found] == [replace(stone, reason="")]
        assert catalog.tombstones(since=NOON + 2 * HOUR) == {}
        assert subjects(catalog) == ["backup", "start", "pruned"]

    def test_a_backup_whose_last_copy_was_pruned_is_not_listed(
        self, catalog: Catalog, stored: Backup
    ):
        other = a_backup(NOON, series=OTHER)
        catalog.record_backup(other, an_entry("other"))
        for place in (LOCAL, OFFSITE):
            catalog.record_pruned(a_stone(stored, place), an_entry(f"pruned {place}"))
        assert catalog.backups() == [other]
        assert catalog.backup(stored.id) is None
        assert len(catalog.tombstones(since=NOON)[a_series()]) == 2

    def test_a_pruned_backup_that_is_found_again_is_listed_again(
        self, catalog: Catalog, stored: Backup
    ):
        for place in (LOCAL, OFFSITE):
            catalog.record_pruned(a_stone(stored, place), an_entry(f"pruned {place}"))
        found = replace(stored, copies=(a_copy("offsite"),))
        catalog.record_found(a_series(), [found], an_entry("found", at=NOON + HOUR))
        assert catalog.backups() == [found]

    @pytest.mark.parametrize("copy", [a_copy(), a_damaged_copy()], ids=lambda c: c.state.value)
    def test_a_copy_that_was_kept_whole_is_what_it_was_before(self, catalog: Catalog, copy: Copy):
        backup = a_backup(NOON, copies=[copy])
        catalog.record_backup(backup, an_entry())
        expire(catalog, backup)
        catalog.record_prune_started(backup.id, LOCAL, an_entry("start"))
        catalog.record_prune_refused(
            backup.id, LOCAL, at=NOON + HOUR, is_whole=True, entry=an_entry("refused")
        )
        wanted = replace(copy, expired_at=NOON, prune_refused_at=NOON + HOUR)
        assert copy_at(catalog, backup) == wanted

    @pytest.mark.parametrize("copy", [a_copy(), a_damaged_copy()], ids=lambda c: c.state.value)
    def test_a_removal_that_is_taken_back_leaves_the_copy_as_it_was(
        self, catalog: Catalog, copy: Copy
    ):
        backup = a_backup(NOON, copies=[copy])
        catalog.record_backup(backup, an_entry())
        expire(catalog, backup)
        for _ in range(2):
            catalog.record_prune_taken_back(backup.id, LOCAL, an_entry("in vain"))
        catalog.record_prune_started(backup.id, LOCAL, an_entry("start"))
        for _ in range(2):
            catalog.record_prune_taken_back(backup.id, LOCAL, an_entry("taken back"))
        assert copy_at(catalog, backup) == replace(copy, expired_at=NOON)
        assert subjects(catalog).count("taken back") == 1
        assert "in vain" not in subjects(catalog)

    def test_a_copy_that_was_kept_in_part_stays_half_gone(self, catalog: Catalog, stored: Backup):
        catalog.record_prune_started(stored.id, LOCAL, an_entry("start"))
        catalog.record_prune_refused(
            stored.id, LOCAL, at=NOON, is_whole=False, entry=an_entry("refused")
        )
        copy = copy_at(catalog, stored)
        assert (copy.state, copy.prune_refused_at) == (CopyState.PRUNING, NOON)

    def test_unreferenced_objects_keep_their_first_time(self, catalog: Catalog):
        assert catalog.collections() == {}
        catalog.record_unreferenced(a_series(), LOCAL, KEYS[:3], at=NOON)
        catalog.record_unreferenced(a_series(), OFFSITE, KEYS[:1], at=NOON)
        catalog.record_unreferenced(a_series(), LOCAL, KEYS[1:], at=NOON + HOUR)
        found = catalog.unreferenced(a_series(), LOCAL)
        assert found == {KEYS[1]: NOON, KEYS[2]: NOON, KEYS[3]: NOON + HOUR}
        state = CollectionState(looked_at=None, oldest_unreferenced=NOON)
        assert catalog.collections() == {(a_series(), LOCAL): state, (a_series(), OFFSITE): state}

    def test_a_collection_forgets_what_it_removed_and_remembers_the_look(self, catalog: Catalog):
        catalog.record_unreferenced(a_series(), LOCAL, KEYS, at=NOON)
        for hours, removed in ((1, KEYS[:3]), (2, [])):
            at = NOON + hours * HOUR
            catalog.record_collection(
                a_series(), LOCAL, at=at, removed=removed, entry=an_entry(f"collect {hours}")
            )
        assert catalog.unreferenced(a_series(), LOCAL) == {KEYS[3]: NOON}
        (state,) = catalog.collections().values()
        assert state == CollectionState(looked_at=NOON + 2 * HOUR, oldest_unreferenced=NOON)
        assert subjects(catalog) == ["collect 1"]
