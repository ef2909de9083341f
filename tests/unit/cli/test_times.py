"""Times that nobody can reckon with are usage errors, not defects."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestrator.cli.times import parse_time
from orchestrator.errors import UsageError

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    "text", ["0001-01-01", "0999-12-31", "9999-12-31T23:59:59", "9999-12-31T23:59-05:00"]
)
@pytest.mark.parametrize("zone", [UTC, NEW_YORK])
def test_a_time_beyond_every_calendar_of_use_is_refused(text: str, zone: ZoneInfo):
    with pytest.raises(UsageError, match="too far away"):
        parse_time(text, zone)


def test_far_times_that_can_be_reckoned_with_are_taken():
    assert parse_time("1970-01-01") == datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_time("2999-12-31", NEW_YORK) == datetime(2999, 12, 31, 5, tzinfo=UTC)
