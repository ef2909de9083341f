"""What every catalog promises of pauses and missed slots (`orchestrator.ports.catalog`)."""

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from orchestrator.model.names import PolicyName, ScheduleName
from orchestrator.model.timeline import MissedSlots
from orchestrator.ports.catalog import Catalog
from tests.contracts.catalog_values import HOUR, MINUTE, NOON, an_entry, at_once, subjects
from tests.support.builders import a_pause, a_series

DAILY = ScheduleName("daily")
KEY = (a_series(), DAILY)


def missed(last: datetime, *, counted_from: datetime | None = None) -> MissedSlots:
    return MissedSlots(
        series=a_series(),
        schedule=DAILY,
        counted_from=counted_from,
        first=last,
        last=last,
        count=1,
    )


class TimelineContract:
    def test_nothing_is_paused_and_nothing_was_missed_at_first(self, catalog: Catalog):
        assert catalog.pauses() == []
        assert catalog.missed_until() == {}

    def test_a_pause_comes_back_equal_until_it_is_resumed(self, catalog: Catalog):
        pause = a_pause(NOON + HOUR, since=NOON)
        catalog.record_pause(pause, an_entry("pause"))
        assert catalog.pauses() == [pause]
        assert catalog.record_resumed(pause.policy, an_entry("resume"))
        assert catalog.pauses() == []
        assert subjects(catalog) == ["pause", "resume"]

    def test_a_second_pause_replaces_the_first(self, catalog: Catalog):
        longer = a_pause(NOON + 2 * HOUR, since=NOON + MINUTE)
        catalog.record_pause(a_pause(NOON + HOUR, since=NOON), an_entry("first"))
        catalog.record_pause(longer, an_entry("second"))
        assert catalog.pauses() == [longer]
        assert subjects(catalog) == ["first", "second"]

    def test_the_very_same_pause_again_is_not_logged(self, catalog: Catalog):
        for subject in ("first", "again"):
            catalog.record_pause(a_pause(NOON + HOUR, since=NOON), an_entry(subject))
        assert subjects(catalog) == ["first"]

    def test_pauses_are_listed_by_policy(self, catalog: Catalog):
        for policy in ("b", "Z", "a"):
            catalog.record_pause(a_pause(NOON, policy=policy), an_entry(policy))
        assert [pause.policy for pause in catalog.pauses()] == ["Z", "a", "b"]

    def test_resuming_what_was_not_paused_changes_nothing(self, catalog: Catalog):
        catalog.record_pause(a_pause(NOON), an_entry("pause"))
        assert not catalog.record_resumed(PolicyName("other"), an_entry("resume"))
        assert len(catalog.pauses()) == 1
        assert subjects(catalog) == ["pause"]

    def test_missed_slots_are_recorded_once(self, catalog: Catalog):
        assert catalog.record_missed(missed(NOON), an_entry("first"))
        assert not catalog.record_missed(missed(NOON), an_entry("again"))
        assert catalog.missed_until() == {KEY: NOON}
        assert subjects(catalog) == ["first"]

    def test_missed_slots_go_on_from_what_was_recorded(self, catalog: Catalog):
        catalog.record_missed(missed(NOON), an_entry("first"))
        later = missed(NOON + HOUR, counted_from=NOON)
        assert catalog.record_missed(later, an_entry("second"))
        assert not catalog.record_missed(later, an_entry("again"))
        assert catalog.missed_until() == {KEY: NOON + HOUR}
        assert subjects(catalog) == ["first", "second"]

    def test_a_mark_may_go_back_with_a_clock_that_was_ahead(self, catalog: Catalog):
        catalog.record_missed(missed(NOON + HOUR), an_entry("ahead"))
        assert catalog.record_missed(missed(NOON, counted_from=NOON + HOUR), an_entry("back"))
        assert catalog.missed_until() == {KEY: NOON}

    def test_each_series_and_schedule_has_its_own_mark(self, catalog: Catalog):
        other = replace(missed(NOON), schedule=ScheduleName("hourly"))
        elsewhere = replace(missed(NOON), series=a_series("payroll"))
        for found in (missed(NOON), other, elsewhere):
            assert catalog.record_missed(found, an_entry(str(found)))
        assert len(catalog.missed_until()) == 3

    def test_missed_slots_come_back_in_utc_to_the_microsecond(self, catalog: Catalog):
        local = NOON.astimezone(timezone(timedelta(hours=5)))
        catalog.record_missed(missed(local), an_entry())
        (mark,) = catalog.missed_until().values()
        assert (mark, mark.utcoffset()) == (NOON, timedelta(0))
        assert catalog.record_missed(missed(NOON + HOUR, counted_from=local), an_entry("next"))

    def test_of_several_that_record_the_same_slots_at_once_one_does(self, catalog: Catalog):
        calls = [
            lambda n=n: catalog.record_missed(missed(NOON), an_entry(f"pass {n}")) for n in range(4)
        ]
        assert sorted(map(str, at_once(*calls))) == ["False", "False", "False", "True"]
        assert len(catalog.log()) == 1
