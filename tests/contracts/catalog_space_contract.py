"""What every catalog promises of measured space (`orchestrator.ports.space`)."""

from datetime import datetime, timedelta, timezone

from orchestrator.model.names import DestinationName
from orchestrator.model.space import Space, SpaceHistory, SpaceMeasurement, Unmeasured
from orchestrator.ports.catalog import Catalog
from tests.contracts.catalog_values import HOUR, MINUTE, NOON, at_once

LOCAL, OFFSITE = DestinationName("local"), DestinationName("offsite")
TERABYTES = 5 * 2**40


def measured(
    at: datetime, free: int = 1, *, place: DestinationName = LOCAL, whole: int = TERABYTES
) -> SpaceMeasurement:
    return SpaceMeasurement(destination=place, at=at, space=Space(free=free, whole=whole))


class SpaceContract:
    def test_nothing_is_known_of_space_at_first(self, catalog: Catalog):
        assert catalog.space() == {}

    def test_measurements_come_back_by_place_oldest_first(self, catalog: Catalog):
        late, early = measured(NOON + HOUR, 3 * 2**40), measured(NOON, 4 * 2**40)
        other = measured(NOON, place=OFFSITE)
        for one in (late, other, early):
            catalog.record_space(one)
        assert catalog.space() == {
            LOCAL: SpaceHistory(measurements=(early, late)),
            OFFSITE: SpaceHistory(measurements=(other,)),
        }

    def test_a_measurement_of_the_same_moment_replaces_the_first(self, catalog: Catalog):
        catalog.record_space(measured(NOON, 7))
        catalog.record_space(measured(NOON, 8))
        assert catalog.space()[LOCAL].measurements == (measured(NOON, 8),)

    def test_what_is_to_be_forgotten_goes_at_its_place_alone(self, catalog: Catalog):
        for place in (LOCAL, OFFSITE):
            for minute in range(3):
                catalog.record_space(measured(NOON + minute * MINUTE, place=place))
        catalog.record_space(measured(NOON + HOUR), forgetting=[NOON, NOON + MINUTE])
        known = catalog.space()
        assert [one.at for one in known[LOCAL].measurements] == [NOON + 2 * MINUTE, NOON + HOUR]
        assert len(known[OFFSITE].measurements) == 3

    def test_the_first_failure_to_measure_stays_until_a_measurement(self, catalog: Catalog):
        catalog.record_unmeasured(LOCAL, Unmeasured(at=NOON, why="not mounted"))
        catalog.record_unmeasured(LOCAL, Unmeasured(at=NOON + HOUR, why="still not"))
        catalog.record_unmeasured(OFFSITE, Unmeasured(at=NOON, why="no answer"))
        assert catalog.space()[LOCAL].unmeasured == Unmeasured(at=NOON, why="not mounted")
        catalog.record_space(measured(NOON + 2 * HOUR))
        assert catalog.space()[LOCAL].unmeasured is None
        assert catalog.space()[OFFSITE].unmeasured is not None

    def test_words_that_cannot_be_stored_do_not_hide_that_a_place_is_unmeasured(
        self, catalog: Catalog
    ):
        catalog.record_unmeasured(LOCAL, Unmeasured(at=NOON, why="a\x00b\udcff"))
        unmeasured = catalog.space()[LOCAL].unmeasured
        assert unmeasured is not None
        assert unmeasured.why.startswith("a")

    def test_times_of_measurements_are_utc(self, catalog: Catalog):
        there = NOON.astimezone(timezone(timedelta(hours=2)))
        catalog.record_space(measured(there))
        catalog.record_unmeasured(OFFSITE, Unmeasured(at=there, why="x"))
        known = catalog.space()
        assert str(known[LOCAL].measurements[0].at) == str(NOON)
        unmeasured = known[OFFSITE].unmeasured
        assert unmeasured is not None
        assert str(unmeasured.at) == str(NOON)

    def test_measurements_at_once_are_all_kept(self, catalog: Catalog):
        at_once(
            *(
                lambda number=number: catalog.record_space(measured(NOON + number * MINUTE))
                for number in range(8)
            )
        )
        assert len(catalog.space()[LOCAL].measurements) == 8
