"""What the reader of an alert sees.

``UPDATE_GOLDEN=1 pytest tests/unit/alerts`` writes the files of ``tests/golden/alerts`` anew; read
them as somebody who was woken by them before keeping them.
"""

import html
import os
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typing_extensions import override

from orchestrator.alerts.draft import LISTED, SUBJECT_LIMIT
from orchestrator.alerts.text import BODY_LIMIT, HTML_LIMIT, AlertText, compose_alert
from orchestrator.alerts.words import WORDS
from orchestrator.model.alert import Alert, AlertKind, Cause
from orchestrator.model.names import DatabaseName
from orchestrator.model.policy import Event
from orchestrator.model.run import ErrorReport
from tests.support.every_trouble import CASES, WITHOUT_CAUSE, a_digest, tell, unwatched
from tests.unit.alerts.samples import (
    DIGEST,
    LAST_GOOD,
    NASTY,
    NEVER,
    SERIES,
    TEST,
    TROUBLES,
    alerts,
    of_many_series,
)

GOLDEN = Path(__file__).parents[2] / "golden" / "alerts"
OUR_TAGS = {"div", "p", "b", "br", "pre", "ul", "li"}
FAILED = TROUBLES[Event.FAILED]
HOSTILE_ERROR = ErrorReport(code="ORC-200", what=NASTY, next_step=NASTY)


def expect_golden(name: str, text: str) -> None:
    file = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN") == "1":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def as_told(alert: Alert) -> Iterator[Alert]:
    """The three messages of an incident, as they follow each other."""
    yield alert
    yield replace(alert, kind=AlertKind.REMINDER, at=alert.at + timedelta(days=1))
    yield replace(
        alert,
        kind=AlertKind.RECOVERED,
        at=alert.at + timedelta(days=1, hours=3),
        next_command="orchestrator status practice",
        facts=(("Lasted", "1d 3h"),),
    )


def in_all_forms(alert: Alert) -> str:
    text = compose_alert(alert)
    forms = {"plain": text.plain, "markdown": text.markdown, "html": text.html}
    return f"{text.subject}\n" + "".join(f"\n---- {form}\n{body}" for form, body in forms.items())


def bodies(text: AlertText) -> tuple[str, str, str]:
    return text.plain, text.markdown, text.html


class Tags(HTMLParser):
    """Collects the tags of HTML, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.text = ""
        self.feed(source)

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    @override
    def handle_data(self, data: str) -> None:
        self.text += data


# ------------------------------------------------------------------ as agreed
@pytest.mark.parametrize("name", CASES)
def test_what_the_product_says_of_an_incident_reads_as_agreed(name: str):
    texts = [compose_alert(alert) for alert in tell(CASES[name])]
    told = "\n----\n".join(f"{text.subject}\n\n{text.plain}" for text in texts)
    expect_golden(f"{name}.txt", told)
    expect_golden(f"{name}.html", texts[0].html)


def test_what_the_product_says_of_a_week_reads_as_agreed():
    text = compose_alert(a_digest())
    expect_golden("digest.txt", f"{text.subject}\n\n{text.plain}")
    expect_golden("digest.html", text.html)


def test_what_nobody_looks_at_any_more_reads_as_agreed_and_is_not_called_well():
    text = compose_alert(unwatched())
    assert text.subject == "[INFO] practice/app: no longer watched"
    assert "[OK]" not in text.subject + text.plain
    expect_golden("unwatched.txt", f"{text.subject}\n\n{text.plain}")


def test_a_drill_that_fails_reads_as_agreed():
    texts = [compose_alert(alert) for alert in as_told(TROUBLES[Event.DRILL_FAILED])]
    told = "\n----\n".join(f"{text.subject}\n\n{text.plain}" for text in texts)
    expect_golden("drill_failed.txt", told)


def test_every_event_that_the_product_raises_has_its_texts():
    events = {alert.cause.event for case in CASES.values() for alert in tell(case)}
    assert events | WITHOUT_CAUSE == set(Event)


@pytest.mark.parametrize(
    ("name", "alert"),
    [
        ("forms_of_one_database", FAILED),
        ("forms_of_many_databases", of_many_series()),
        ("forms_of_a_digest", DIGEST),
        ("forms_of_a_test", TEST),
        ("forms_of_hostile_words", replace(FAILED, error=HOSTILE_ERROR)),
    ],
)
def test_a_message_reads_as_agreed_in_every_form(name: str, alert: Alert):
    expect_golden(f"{name}.txt", in_all_forms(alert))


def test_every_event_has_words_for_every_part_of_its_story():
    assert set(WORDS) == set(Event)
    for event in Event:
        for kind in AlertKind:
            text = compose_alert(replace(FAILED, cause=Cause(event, "practice/app"), kind=kind))
            assert "practice/app" in text.subject
            assert "{" not in text.subject


# ------------------------------------------------------------------ what must be there
@pytest.mark.parametrize("form", ["plain", "markdown", "html"])
def test_every_form_says_what_since_when_what_is_left_what_is_at_risk_and_what_to_type(form: str):
    body = html.unescape(getattr(compose_alert(FAILED), form))
    for words in (FAILED.error.what, "[ORC-201]", "2026-11-22 07:29:05 UTC", "31m ago", LAST_GOOD):
        assert words in body
    for words in ("whatever changed", FAILED.error.next_step, FAILED.next_command):
        assert words in body


def test_without_any_backup_everything_is_at_risk():
    text = compose_alert(replace(FAILED, last_good={SERIES: NEVER}))
    assert "At risk: everything: there is no backup to go back to" in text.plain


def test_without_a_backup_of_any_of_several_databases_everything_is_at_risk():
    series = (SERIES, replace(SERIES, database=DatabaseName("shop")))
    alert = replace(FAILED, series=series, last_good=dict.fromkeys(series, NEVER))
    assert "At risk: everything: there is no backup to go back to" in compose_alert(alert).plain
    alert = replace(alert, last_good={series[0]: NEVER})
    assert "or everything where there is none" in compose_alert(alert).plain, "one is not known"


def test_a_series_that_the_subject_does_not_name_is_named_in_the_body():
    alert = replace(FAILED, cause=Cause(Event.FAILED, "destination local"))
    assert f"practice/app; last good backup {LAST_GOOD}" in compose_alert(alert).plain


def test_times_are_told_in_utc():
    moment = datetime(2026, 7, 1, 2, 0, tzinfo=timezone(timedelta(hours=1)))
    local = replace(FAILED, since=moment, at=moment)
    assert "Since: 2026-07-01 01:00:00 UTC\n" in compose_alert(local).plain


def test_a_recovery_says_what_it_was_and_nothing_of_risk():
    *_, recovered = as_told(FAILED)
    text = compose_alert(recovered)
    assert text.subject == "[OK] practice/app: backups succeed again"
    assert "It began: 2026-11-22 07:29:05 UTC\nLast" in text.plain
    assert "At risk" not in text.plain
    assert "What to do: nothing\nTo look: orchestrator status practice" in text.plain


def test_many_series_are_counted_and_the_worst_are_named_first():
    text = compose_alert(of_many_series())
    assert "server db.internal:5432 (200 databases): backups failed" in text.subject
    named = [line for line in text.plain.splitlines() if line.startswith("- ")]
    assert len(named) == LISTED
    assert named[0] == f"- practice-198/app: {NEVER}"
    assert text.plain.rstrip().endswith("and 190 more")
    assert "last good backup, or everything where there is none" in text.plain


# ------------------------------------------------------------------ what must never be there
@settings(max_examples=40)
@given(alert=alerts())
def test_every_form_is_bounded_as_services_and_slack_count(alert: Alert):
    text = compose_alert(alert)
    for counted in (text.subject, html.escape(text.subject, quote=False)):
        assert len(counted) <= SUBJECT_LIMIT
    assert len(text.plain) <= BODY_LIMIT
    assert len(html.escape(text.markdown, quote=False)) <= BODY_LIMIT
    assert len(text.html) <= HTML_LIMIT


@settings(max_examples=40)
@given(alert=alerts())
def test_no_form_holds_control_characters(alert: Alert):
    text = compose_alert(alert)
    for words in (text.subject, *(body.replace("\n", "") for body in bodies(text))):
        assert not [c for c in words if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@settings(max_examples=40)
@given(alert=alerts())
def test_html_holds_no_tags_but_ours(alert: Alert):
    assert Tags(compose_alert(alert).html).seen <= OUR_TAGS


@settings(max_examples=50)
@given(what=st.text(max_size=200))
def test_an_error_cannot_add_lines(what: str):
    told = compose_alert(replace(FAILED, error=replace(FAILED.error, what=f"x{what}")))
    usual = compose_alert(FAILED)
    for body, other in zip(bodies(told), bodies(usual), strict=True):
        assert body.count("\n") == other.count("\n")


# ------------------------------------------------------------------ what is cut
def test_a_long_error_is_cut_but_its_code_and_the_next_command_stay():
    text = compose_alert(replace(FAILED, error=replace(FAILED.error, what="x" * 10_000)))
    assert text.subject.endswith("x…")
    assert "x… [ORC-201]" in text.plain
    assert f"Next command: {FAILED.next_command}" in text.plain


def test_a_service_that_takes_little_is_told_what_happened_and_what_to_type():
    text = compose_alert(of_many_series(), limit=300)
    assert len(text.plain) <= 300
    assert "refused the connection [ORC-201]" in text.plain
    assert "Next command: orchestrator validate --online" in text.plain
    assert "and 200 more" in text.plain


def test_facts_that_find_no_room_are_counted():
    facts = tuple((f"Fact {number}", "word " * 20) for number in range(100))
    text = compose_alert(replace(DIGEST, facts=facts))
    shown = text.plain.count("Fact ")
    assert 10 < shown < 100
    assert f"and {100 - shown} more\n" in text.plain


def test_a_subject_says_only_once_what_it_is_about() -> None:
    about = FAILED.cause.subject
    error = replace(FAILED.error, what=f"{about}: no row arrived")
    subject = compose_alert(replace(FAILED, error=error)).subject
    assert subject.count(about) == 1
    assert "no row arrived" in subject
