import sqlite3
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from orchestrator.catalog.sql.columns import EnumText, UtcTime, require_utc, storable
from orchestrator.model.run import RunState

DIALECT = sqlite.dialect()
TIMES = st.datetimes(
    min_value=datetime(1970, 1, 2),  # noqa: DTZ001 -- Hypothesis adds the zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]),
    max_value=datetime(9998, 12, 30),  # noqa: DTZ001
)


def stored(moment: datetime) -> str:
    write = UtcTime().dialect_impl(DIALECT).bind_processor(DIALECT)
    assert write is not None
    return str(write(moment))


@given(TIMES, TIMES)
def test_stored_times_sort_as_the_instants_do(one: datetime, other: datetime):
    assert (stored(one) < stored(other)) == (one < other)


@given(TIMES)
def test_a_stored_time_comes_back_as_the_same_instant_in_utc(moment: datetime):
    read = UtcTime().dialect_impl(DIALECT).result_processor(DIALECT, None)
    assert read is not None
    assert read(stored(moment)) == moment
    assert read(stored(moment)).tzinfo is UTC


def test_a_naive_time_is_refused():
    with pytest.raises(ValueError, match="naive"):
        require_utc(datetime(2026, 11, 22))  # noqa: DTZ001 -- what is to be refused


def test_enums_are_stored_as_their_value_and_unknown_values_are_refused():
    column = EnumText(RunState)
    assert column.process_bind_param(RunState.FAILED, DIALECT) == "failed"
    assert column.process_result_value("failed", DIALECT) is RunState.FAILED
    with pytest.raises(ValueError, match="lost"):
        column.process_result_value("lost", DIALECT)


@given(st.text())
def test_ordinary_text_is_stored_as_it_is(text: str):
    assert storable(text) == text.replace("\0", "\N{REPLACEMENT CHARACTER}")


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_any_text_becomes_storable(text: str):
    connection = sqlite3.connect(":memory:")
    try:
        kept = storable(text)
        assert connection.execute("SELECT ?", (kept,)).fetchone() == (kept,)
        assert "\0" not in kept
    finally:
        connection.close()
