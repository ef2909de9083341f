"""What the reader of an alert sees."""

import unicodedata
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.alerts.text import LINE_LIMIT, SUBJECT_LIMIT, compose_alert
from orchestrator.model.alert import Alert
from orchestrator.model.policy import Event
from tests.contracts.alert_sender_contract import an_alert

GOLDEN = Path(__file__).parents[2] / "golden" / "alerts"

NASTY = "`rm` [click](http://evil.example) <script> *bold* <!channel> @here \x1b[31m"


def render(alert: Alert) -> str:
    text = compose_alert(alert)
    return f"{text.subject}\n\n---- plain\n{text.plain}\n---- markdown\n{text.markdown}"


@pytest.mark.parametrize(
    ("name", "alert"),
    [
        ("failed_with_a_last_good_backup", an_alert()),
        (
            "failed_without_any_backup",
            an_alert(last_good="none: this series has never had a backup"),
        ),
        ("markup_in_an_error_is_shown_as_it_is", an_alert(what=NASTY)),
    ],
)
def test_an_alert_reads_as_agreed(name: str, alert: Alert):
    assert render(alert) == (GOLDEN / f"{name}.txt").read_text(encoding="utf-8")


def test_every_event_has_words():
    for event in Event:
        alert = an_alert()
        renewed = Alert(
            event=event,
            series=alert.series,
            at=alert.at,
            error=alert.error,
            last_good=alert.last_good,
            next_command=alert.next_command,
        )
        assert compose_alert(renewed).subject


def test_times_are_told_in_utc():
    moment = datetime(2026, 7, 1, 2, 0, tzinfo=timezone(timedelta(hours=1)))
    alert = an_alert()
    local = Alert(
        event=alert.event,
        series=alert.series,
        at=moment,
        error=alert.error,
        last_good=alert.last_good,
        next_command=alert.next_command,
    )
    assert "Since: 2026-07-01 01:00:00 UTC" in compose_alert(local).plain


@given(what=st.text(max_size=5000), command=st.text(max_size=2000))
def test_a_text_is_bounded_and_holds_no_control_characters(what: str, command: str):
    text = compose_alert(an_alert(what=what, next_command=command))
    assert len(text.subject) <= SUBJECT_LIMIT
    assert len(text.plain) <= 9 * (LINE_LIMIT + 30)
    for body in (text.subject, text.plain.replace("\n", ""), text.markdown.replace("\n", "")):
        assert not [c for c in body if unicodedata.category(c) in {"Cc", "Cf", "Cs"}]


@given(what=st.text(max_size=200))
def test_an_error_cannot_add_lines_or_leave_its_code_span(what: str):
    plain = compose_alert(an_alert())
    text = compose_alert(an_alert(what=what))
    assert text.plain.count("\n") == plain.plain.count("\n")
    assert text.markdown.count("`") == plain.markdown.count("`")


def test_a_long_error_is_cut_but_its_code_and_the_next_command_stay():
    text = compose_alert(an_alert(what="x" * 10_000))
    assert text.subject.endswith("… [ORC-201]")
    assert "x… [ORC-201]" in text.plain
    assert "Next command: orchestrator status practice" in text.plain
