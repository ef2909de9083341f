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

from orchestrator.alerts.draft import LISTED, SUBJECT_LIMIT, write_subject
from orchestrator.alerts.text import BODY_LIMIT, HTML_LIMIT, Form, write_body
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
    forms = {"plain": as_plain(alert), "markdown": as_markdown(alert), "html": as_html(alert)}
    told = "".join(f"\n---- {form}\n{body}" for form, body in forms.items())
    return f"{write_subject(alert)}\n{told}"


def as_plain(alert: Alert, *, limit: int = BODY_LIMIT) -> str:
    return write_body(alert, Form.PLAIN, limit=limit)


def as_markdown(alert: Alert) -> str:
    return write_body(alert, Form.MARKDOWN, limit=BODY_LIMIT)


def as_html(alert: Alert) -> str:
    return write_body(alert, Form.HTML, limit=HTML_LIMIT)


def as_mail(alert: Alert) -> str:
    """The subject, and the body as plain text."""
    return f"{write_subject(alert)}\n\n{as_plain(alert)}"


def bodies(alert: Alert) -> tuple[str, str, str]:
    return as_plain(alert), as_markdown(alert), as_html(alert)


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
    told = [*tell(CASES[name])]
    expect_golden(f"{name}.txt", "\n----\n".join(map(as_mail, told)))
    expect_golden(f"{name}.html", as_html(told[0]))


def test_what_the_product_says_of_a_week_reads_as_agreed():
    expect_golden("digest.txt", as_mail(a_digest()))
    expect_golden("digest.html", as_html(a_digest()))


def test_what_nobody_looks_at_any_more_reads_as_agreed_and_is_not_called_well():
    assert write_subject(unwatched()) == "[INFO] practice/app: no longer watched"
    assert "[OK]" not in as_mail(unwatched())
    expect_golden("unwatched.txt", as_mail(unwatched()))


def test_a_drill_that_fails_reads_as_agreed():
    told = as_told(TROUBLES[Event.DRILL_FAILED])
    expect_golden("drill_failed.txt", "\n----\n".join(map(as_mail, told)))


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
            cause = Cause(event, "practice/app")
            subject = write_subject(replace(FAILED, cause=cause, kind=kind))
            assert "practice/app" in subject
            assert "{" not in subject


# ------------------------------------------------------------------ what must be there
@pytest.mark.parametrize("form", Form)
def test_every_form_says_what_since_when_what_is_left_what_is_at_risk_and_what_to_type(form: Form):
    body = html.unescape(write_body(FAILED, form, limit=HTML_LIMIT))
    for words in (FAILED.error.what, "[ORC-201]", "2026-11-22 07:29:05 UTC", "31m ago", LAST_GOOD):
        assert words in body
    for words in ("whatever changed", FAILED.error.next_step, FAILED.next_command):
        assert words in body


def test_without_any_backup_everything_is_at_risk():
    alert = replace(FAILED, last_good={SERIES: NEVER})
    assert "At risk: everything: there is no backup to go back to" in as_plain(alert)


def test_without_a_backup_of_any_of_several_databases_everything_is_at_risk():
    series = (SERIES, replace(SERIES, database=DatabaseName("shop")))
    alert = replace(FAILED, series=series, last_good=dict.fromkeys(series, NEVER))
    assert "At risk: everything: there is no backup to go back to" in as_plain(alert)
    alert = replace(alert, last_good={series[0]: NEVER})
    assert "or everything where there is none" in as_plain(alert), "one is not known"


def test_a_series_that_the_subject_does_not_name_is_named_in_the_body():
    alert = replace(FAILED, cause=Cause(Event.FAILED, "destination local"))
    assert f"practice/app; last good backup {LAST_GOOD}" in as_plain(alert)


def test_times_are_told_in_utc():
    moment = datetime(2026, 7, 1, 2, 0, tzinfo=timezone(timedelta(hours=1)))
    local = replace(FAILED, since=moment, at=moment)
    assert "Since: 2026-07-01 01:00:00 UTC\n" in as_plain(local)


def test_a_recovery_says_what_it_was_and_nothing_of_risk():
    *_, recovered = as_told(FAILED)
    text = as_plain(recovered)
    assert write_subject(recovered) == "[OK] practice/app: backups succeed again"
    assert "It began: 2026-11-22 07:29:05 UTC\nLast" in text
    assert "At risk" not in text
    assert "What to do: nothing\nTo look: orchestrator status practice" in text


def test_many_series_are_counted_and_the_worst_are_named_first():
    alert = of_many_series()
    assert "server db.internal:5432 (200 databases): backups failed" in write_subject(alert)
    text = as_plain(alert)
    named = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(named) == LISTED
    assert named[0] == f"- practice-198/app: {NEVER}"
    assert text.rstrip().endswith("and 190 more")
    assert "last good backup, or everything where there is none" in text


# ------------------------------------------------------------------ what must never be there
@settings(max_examples=40)
@given(alert=alerts())
def test_every_form_is_bounded_as_services_and_slack_count(alert: Alert):
    subject = write_subject(alert)
    for counted in (subject, html.escape(subject, quote=False)):
        assert len(counted) <= SUBJECT_LIMIT
    plain, markdown, as_tags = (write_body(alert, form, limit=2 * HTML_LIMIT) for form in Form)
    assert len(plain) <= BODY_LIMIT
    assert len(html.escape(markdown, quote=False)) <= BODY_LIMIT
    assert len(as_tags) <= HTML_LIMIT


@settings(max_examples=40)
@given(alert=alerts())
def test_no_form_holds_control_characters(alert: Alert):
    for words in (write_subject(alert), *(body.replace("\n", "") for body in bodies(alert))):
        assert not [c for c in words if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


@settings(max_examples=40)
@given(alert=alerts())
def test_html_holds_no_tags_but_ours(alert: Alert):
    assert Tags(as_html(alert)).seen <= OUR_TAGS


@settings(max_examples=50)
@given(what=st.text(max_size=200))
def test_an_error_cannot_add_lines(what: str):
    told = replace(FAILED, error=replace(FAILED.error, what=f"x{what}"))
    for body, other in zip(bodies(told), bodies(FAILED), strict=True):
        assert body.count("\n") == other.count("\n")


# ------------------------------------------------------------------ what is cut
def test_a_long_error_is_cut_but_its_code_and_the_next_command_stay():
    alert = replace(FAILED, error=replace(FAILED.error, what="x" * 10_000))
    assert write_subject(alert).endswith("x…")
    assert "x… [ORC-201]" in as_plain(alert)
    assert f"Next command: {FAILED.next_command}" in as_plain(alert)


def test_a_service_that_takes_little_is_told_what_happened_and_what_to_type():
    text = as_plain(of_many_series(), limit=300)
    assert len(text) <= 300
    assert "refused the connection [ORC-201]" in text
    assert "Next command: orchestrator validate --online" in text
    assert "and 200 more" in text


def test_facts_that_find_no_room_are_counted():
    facts = tuple((f"Fact {number}", "word " * 20) for number in range(100))
    text = as_plain(replace(DIGEST, facts=facts))
    shown = text.count("Fact ")
    assert 10 < shown < 100
    assert f"and {100 - shown} more\n" in text


def test_a_subject_says_only_once_what_it_is_about() -> None:
    about = FAILED.cause.subject
    error = replace(FAILED.error, what=f"{about}: no row arrived")
    subject = write_subject(replace(FAILED, error=error))
    assert subject.count(about) == 1
    assert "no row arrived" in subject
