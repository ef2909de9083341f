"""The machine's clock."""

from datetime import UTC, datetime, timedelta

from orchestrator.clock import SystemClock


def test_the_time_is_aware_utc_and_the_machine_s_own():
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert abs(datetime.now(UTC) - now) < timedelta(seconds=5)  # noqa: TID251 - compares with it


def test_monotonic_seconds_never_run_backwards():
    clock = SystemClock()
    readings = [clock.monotonic() for _ in range(100)]
    assert readings == sorted(readings)
