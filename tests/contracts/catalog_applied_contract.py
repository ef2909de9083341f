"""What every catalog promises of policies that were applied, and of new names for them."""

from dataclasses import replace

import pytest

from orchestrator.errors import RenameRefusedError, SeriesLockedError
from orchestrator.model.names import DestinationName, ObjectKey, PolicyName, ScheduleName, Series
from orchestrator.model.pruning import Tombstone
from orchestrator.ports.applied import Amount, AppliedPolicy
from orchestrator.ports.catalog import Catalog, SeriesRecord
from tests.contracts.catalog_timeline_contract import missed
from tests.contracts.catalog_values import (
    HOUR,
    MINUTE,
    NOON,
    an_applied,
    an_entry,
    at_once,
    run_id,
    subjects,
)
from tests.support.builders import (
    a_backup,
    a_pause,
    a_revision,
    a_run,
    a_series,
    an_actor,
)
from tests.support.marks import a_hold

OLD, NEW = PolicyName("practice"), PolicyName("office")
LOCAL = DestinationName("local")
BEFORE, AFTER = a_series("practice"), a_series("office")


def an_applied_policy(name: str = "practice", document: str = "{}") -> AppliedPolicy:
    return AppliedPolicy(name=PolicyName(name), document=document)


def rename(catalog: Catalog, old: PolicyName = OLD, new: PolicyName = NEW, **entry: str) -> bool:
    name = entry.get("entry", "renamed")
    return catalog.record_renamed(old, new, abandoned=(), entry=an_entry(name))


def take_lease(catalog: Catalog, series: Series = BEFORE, number: int = 1) -> int:
    lease = catalog.acquire(series, run_id(number), holder=an_actor(), now=NOON, duration=MINUTE)
    return lease.fence


def a_stone(series: Series = BEFORE) -> Tombstone:
    backup = a_backup(NOON - HOUR, series=series)
    return Tombstone(
        series=series,
        backup=backup.id,
        destination=LOCAL,
        snapshot_at=backup.snapshot_at,
        expired_at=NOON,
        beyond_normal_ageing=False,
        reason="no rule keeps it",
        pruned_at=NOON,
    )


def fill(catalog: Catalog, series: Series = BEFORE) -> None:
    """Tell a catalog of everything that can be known of a policy."""
    record = SeriesRecord(series=series, path="practice/app", blocks_per_chunk={"a": 8})
    catalog.record_series(record)
    for at in (NOON, NOON - HOUR):
        catalog.record_backup(a_backup(at, series=series), an_entry(f"backup {at}"))
    catalog.record_mark(a_backup(NOON, series=series).id, a_hold(), an_entry("hold"))
    catalog.record_pruned(a_stone(series), an_entry("pruned"))
    catalog.record_run_started(a_run(NOON, series=series), an_entry("run"))
    catalog.record_missed(replace(missed(NOON), series=series), an_entry("missed"))
    catalog.record_pause(a_pause(NOON + HOUR, policy=series.policy), an_entry("pause"))
    found = [a_backup(NOON + MINUTE, series=series)]
    catalog.record_found(series, found, an_entry("found"))
    key = ObjectKey("practice/app/chunks/ab/cd")
    catalog.record_unreferenced(series, LOCAL, [key], at=NOON)
    catalog.record_collection(series, LOCAL, at=NOON, removed=(), entry=an_entry("looked"))
    schedule = replace(an_applied(), policy=series.policy)
    applied = an_applied_policy(series.policy)
    catalog.record_applied(a_revision(), [schedule], an_entry("applied"), policies=[applied])


def everything(catalog: Catalog) -> dict[str, object]:
    """All that a catalog says of its policies, the log apart."""
    backups = catalog.backups()
    return {
        "backups": [replace(one, series=AFTER) for one in backups],
        "whose": [
            *(one.series for one in backups),
            *(one.series for one in catalog.runs()),
            *(one.series for one in catalog.series_records()),
            *(series for series, _ in catalog.missed_until()),
            *(stone.series for found in catalog.tombstones(since=NOON).values() for stone in found),
            *catalog.tombstones(since=NOON),
            *(series for series, _ in catalog.collections()),
            *catalog.rebuilt_series(),
        ],
        "policies": [
            *(one.policy for one in catalog.pauses()),
            *(one.policy for one in catalog.applied()[1]),
            *(one.name for one in catalog.applied_policies()),
        ],
        "paths": [one.path for one in catalog.series_records()],
        "since": [one.since for one in catalog.applied()[1]],
        "marks": [catalog.marks(one.id) for one in backups],
    }


class AppliedContract:
    def test_no_policy_is_applied_at_first(self, catalog: Catalog):
        assert catalog.applied_policies() == []

    def test_applied_policies_come_back_by_name_and_one_that_is_gone_stays_known(
        self, catalog: Catalog
    ):
        first = [an_applied_policy("b", '{"é": 1}'), an_applied_policy("a")]
        catalog.record_applied(a_revision("1"), [], an_entry("first"), policies=first)
        assert catalog.applied_policies() == first[::-1]
        second = [an_applied_policy("a", '{"x": 2}'), an_applied_policy("c")]
        catalog.record_applied(a_revision("2"), [], an_entry("second"), policies=second)
        gone = replace(first[0], in_force=False)
        assert catalog.applied_policies() == [second[0], gone, second[1]]
        catalog.record_applied(a_revision("3"), [], an_entry("third"), policies=first)
        assert [one.in_force for one in catalog.applied_policies()] == [True, True, False]

    def test_the_amount_of_a_series_is_what_its_listed_backups_store(self, catalog: Catalog):
        assert catalog.amount(BEFORE) == Amount(backups=0, stored_bytes=0)
        for at in (NOON, NOON - HOUR):
            catalog.record_backup(a_backup(at, series=BEFORE), an_entry(str(at)))
        catalog.record_backup(a_backup(NOON, series=AFTER), an_entry("other"))
        assert catalog.amount(BEFORE) == Amount(backups=2, stored_bytes=40_000)
        catalog.record_pruned(a_stone(), an_entry("pruned"))
        assert catalog.amount(BEFORE) == Amount(backups=1, stored_bytes=20_000)


class RenameContract:
    def test_everything_that_is_known_of_a_policy_goes_over_to_its_new_name(self, catalog: Catalog):
        fill(catalog)
        before, logged = everything(catalog), subjects(catalog)
        assert rename(catalog)
        after = everything(catalog)
        assert set(after.pop("whose")) == {AFTER}  # type: ignore[call-overload] -- a list
        assert set(after.pop("policies")) == {NEW}  # type: ignore[call-overload] -- a list
        assert after == {name: before[name] for name in after}
        assert subjects(catalog) == [*logged, "renamed"]
        assert list(catalog.unreferenced(AFTER, LOCAL).values()) == [NOON]
        assert (catalog.amount(BEFORE).backups, catalog.amount(AFTER).backups) == (0, 2)

    def test_renaming_back_gives_what_there_was(self, catalog: Catalog):
        fill(catalog)
        before = everything(catalog)
        assert rename(catalog)
        assert rename(catalog, NEW, OLD, entry="back")
        assert everything(catalog) == before

    def test_a_name_that_nothing_is_known_of_changes_nothing(self, catalog: Catalog):
        fill(catalog)
        assert not rename(catalog, PolicyName("nobody"), NEW)
        assert not rename(catalog, NEW, PolicyName("nobody"))
        assert "renamed" not in subjects(catalog)

    def test_other_policies_stay_as_they_are(self, catalog: Catalog):
        other = a_series("practice-2")
        catalog.record_backup(a_backup(NOON, series=other), an_entry("other"))
        fill(catalog)
        rename(catalog)
        assert [one.series for one in catalog.backups(other)] == [other]

    def test_a_name_that_has_backups_is_refused_and_nothing_changes(self, catalog: Catalog):
        fill(catalog)
        catalog.record_backup(a_backup(NOON, series=AFTER), an_entry("own"))
        before = everything(catalog)
        with pytest.raises(RenameRefusedError, match="both have backups"):
            rename(catalog)
        assert everything(catalog) == before

    def test_what_is_known_of_a_new_name_without_backups_gives_way(self, catalog: Catalog):
        record = SeriesRecord(series=AFTER, path="office/app", blocks_per_chunk={})
        catalog.record_series(record)
        catalog.record_run_started(a_run(NOON - HOUR, series=AFTER), an_entry("failed"))
        catalog.record_missed(replace(missed(NOON + HOUR), series=AFTER), an_entry("late"))
        catalog.record_pause(a_pause(NOON + 2 * HOUR, policy="office"), an_entry("pause it"))
        catalog.release(
            catalog.acquire(AFTER, run_id(9), holder=an_actor(), now=NOON, duration=MINUTE)
        )
        fill(catalog)
        assert rename(catalog)
        assert [one.path for one in catalog.series_records()] == ["practice/app"]
        assert catalog.missed_until() == {(AFTER, ScheduleName("daily")): NOON}
        assert [pause.until for pause in catalog.pauses()] == [NOON + 2 * HOUR]
        assert [run.series for run in catalog.runs(AFTER)] == [AFTER, AFTER]

    def test_fences_go_on_under_the_new_name(self, catalog: Catalog):
        fill(catalog)
        last = take_lease(catalog)
        catalog.release(catalog.leases()[0])
        assert rename(catalog)
        assert take_lease(catalog, AFTER, 2) > last

    def test_a_policy_is_not_renamed_while_a_run_is_at_work_on_it(self, catalog: Catalog):
        fill(catalog)
        fence = take_lease(catalog)
        before = everything(catalog)
        with pytest.raises(SeriesLockedError, match="practice cannot be renamed while run"):
            rename(catalog)
        assert everything(catalog) == before
        assert catalog.record_renamed(OLD, NEW, abandoned=[fence], entry=an_entry("renamed"))
        assert [lease.series for lease in catalog.leases()] == [AFTER]

    def test_of_two_that_rename_at_once_one_does(self, catalog: Catalog):
        fill(catalog)
        calls = [lambda n=n: rename(catalog, entry=f"pass {n}") for n in range(3)]
        assert sorted(map(str, at_once(*calls))) == ["False", "False", "True"]
        assert [s for s in subjects(catalog) if s.startswith("pass")] != []
