"""What an alert says, line by line, before it is put into plain text, Markdown or HTML. Pure.

A reader who was woken by it shall know after five seconds what happened, how bad it is, and what to
type. So each message has the same order: what happened, since when, what there is to go back to,
what is at risk, what to do, the next command; long lists come last. It is bounded, and holds no
control characters: an error's words may come from a server that we do not trust.
"""

import html
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from orchestrator.alerts.words import Severity, clause_of, risk_of, severity_of
from orchestrator.model.alert import Alert, AlertKind
from orchestrator.model.policy import Event
from orchestrator.planning.alerting.subjects import names_what_it_hit
from orchestrator.planning.phrases import count, say_duration

SUBJECT_LIMIT = 90
ABOUT_LIMIT = 70
LISTED = 10
"""How many of the series that are hit are named."""

WORTH_TELLING = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Line:
    """A label and what it says, each one line. ``spare`` lines are the first that are left out."""

    label: str
    text: str
    spare: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An alert as lines. ``steps`` end with the command; ``affected`` name series."""

    headline: str
    severity: Severity
    lines: tuple[Line, ...]
    facts: tuple[Line, ...]
    facts_left_out: int
    steps: tuple[Line, ...]
    command_label: str
    command: str
    affected: tuple[Line, ...]
    affected_left_out: int

    def shortened(self) -> "Draft | None":
        """Return this message without its least important line, or None if it has but the rest."""
        if self.affected:
            left_out = self.affected_left_out + 1
            return replace(self, affected=self.affected[:-1], affected_left_out=left_out)
        if self.facts:
            return replace(self, facts=self.facts[:-1], facts_left_out=self.facts_left_out + 1)
        spare = max((*self.lines, *self.steps), key=lambda line: line.spare, default=None)
        if spare is None or not spare.spare:
            return None
        return replace(
            self,
            lines=tuple(line for line in self.lines if line is not spare),
            steps=tuple(line for line in self.steps if line is not spare),
        )


def write_draft(alert: Alert, *, longest: int) -> Draft:
    """Given an alert, return its lines, none of which is longer than ``longest`` characters."""
    affected = list_affected(alert)
    return Draft(
        headline=f"{describe_about(alert)}: {clause_of(alert)}",
        severity=severity_of(alert),
        lines=that_speak(bound(list_lines(alert, longest), longest)),
        facts=bound([Line(label, text) for label, text in alert.facts], longest),
        facts_left_out=0,
        steps=that_speak(bound(list_steps(alert), longest)),
        command_label="To look" if alert.kind in READING else "Next command",
        command=tidy(alert.next_command, longest),
        affected=bound(affected[:LISTED], longest),
        affected_left_out=len(affected[LISTED:]),
    )


def write_subject(alert: Alert) -> str:
    """Return severity, what it happened to, and what happened, as one line of at most 90.

    That is what a telephone shows of it; the body says the rest. Where one thing broke the backup
    of one series, the series comes first: nobody knows by heart which server it is on.
    """
    duration = alert.at - alert.since
    lasted = say_duration(duration) if duration >= WORTH_TELLING else ""
    about, what = describe_about(alert), alert.error.what if alert.short is None else alert.short
    if _breaks_one(alert):
        about = tidy(str(alert.series[0]), ABOUT_LIMIT)
        what = (
            what
            if names_what_it_hit(what, alert.cause.subject)
            else f"{alert.cause.subject} {what}"
        )
    begin = f"[{severity_of(alert).value}] {about}: {clause_of(alert)}"
    if alert.kind in {*OVER, AlertKind.TEST}:
        return fit_header(begin, "")
    if alert.kind is AlertKind.REMINDER and lasted:
        begin += f" ({lasted})"
    what = what.removeprefix(f"{alert.cause.subject}: ").strip()
    if what:
        begin += f": {what}"
    return fit_header(begin, code_of(alert))


def _breaks_one(alert: Alert) -> bool:
    is_of_place = alert.cause.subject.startswith(("server ", "destination "))
    return len(alert.series) == 1 and alert.cause.event is Event.FAILED and is_of_place


def fit_header(text: str, code: str) -> str:
    """Return the text cut so that it takes at most 90 characters, escaped or not.

    The code, which the body has, too, is put behind a text that leaves it room.
    """
    length = SUBJECT_LIMIT
    if len(html.escape(tidy(text, len(text)) + code, quote=False)) <= SUBJECT_LIMIT:
        return tidy(text, len(text)) + code
    while len(html.escape(tidy(text, length), quote=False)) > SUBJECT_LIMIT:
        length -= 1
    return tidy(text, length)


def describe_about(alert: Alert) -> str:
    """Return what it happened to, with the number of databases where there are several."""
    about = tidy(alert.cause.subject, ABOUT_LIMIT)
    number = len(alert.series)
    return f"{about} ({count(number, 'database')})" if number > 1 else about


def code_of(alert: Alert) -> str:
    """Return the error's code as it is put behind a text, or nothing if there is none."""
    return f" [{alert.error.code}]" if alert.error.code else ""


def list_lines(alert: Alert, longest: int) -> list[Line]:
    """Return what happened, since when, what there is to go back to, and what is at risk."""
    code = code_of(alert)
    was = "What it was" if alert.kind in OVER else "What happened"
    lines = [
        Line(LABELS.get(alert.kind, was), tidy(alert.error.what, longest - len(code)) + code),
        describe_time(alert),
        Line("At risk", risk_of(alert), spare=4),
    ]
    if len(alert.series) == 1 and alert.kind is not AlertKind.DIGEST:
        lines.insert(2, describe_single(alert))
    return lines


BAD = ("none", "unknown")
"""How the words about a last good backup begin where there is nothing to rely on."""

OVER = {AlertKind.RECOVERED, AlertKind.UNWATCHED}
READING = {*OVER, AlertKind.DIGEST, AlertKind.TEST}
LABELS = {AlertKind.DIGEST: "In short", AlertKind.TEST: "Message"}


def describe_single(alert: Alert) -> Line:
    """Return the last good backup of the only series; it is named unless the subject names it."""
    (series,) = alert.series
    words = alert.last_good.get(series, "")
    if str(series) != alert.cause.subject:
        return Line("Database", f"{series}; last good backup {words}" if words else str(series))
    return Line("Last good backup", words, spare=2)


def describe_time(alert: Alert) -> Line:
    """Return when it began and how long it has lasted, in UTC."""
    duration = alert.at - alert.since
    began, now = say_moment(alert.since), say_moment(alert.at)
    if alert.kind in {AlertKind.DIGEST, AlertKind.TEST}:
        return Line("Written", now, spare=3)
    if alert.kind in OVER:
        return Line("It began", began, spare=3)
    lasting = f", {say_duration(duration)} ago" if duration >= WORTH_TELLING else ""
    return Line("Since", f"{began}{lasting}", spare=3)


def list_steps(alert: Alert) -> list[Line]:
    """Return what to do; there is nothing to be done about what is right again."""
    match alert.kind:
        case AlertKind.RECOVERED:
            words = "nothing"
        case AlertKind.UNWATCHED:
            words = "nothing, if the policies were meant to change so; else change them back"
        case _:
            words = alert.error.next_step
    return [Line("What to do", words, spare=1)]


def list_affected(alert: Alert) -> list[Line]:
    """Return each of several series and its last good backup, those first that have none."""
    if len(alert.series) < 2 or alert.kind is AlertKind.DIGEST:  # noqa: PLR2004 - one has a line
        return []
    lines = [Line(str(series), alert.last_good.get(series, "")) for series in alert.series]
    return sorted(lines, key=lambda line: (not line.text, not line.text.startswith(BAD)))


def say_moment(at: datetime) -> str:
    """``2026-11-22 08:00:05 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def bound(lines: list[Line], longest: int) -> tuple[Line, ...]:
    """Return the lines, each tidied."""
    return tuple(
        replace(line, label=tidy(line.label, ABOUT_LIMIT), text=tidy(line.text, longest))
        for line in lines
    )


def that_speak(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Return those of the lines that have a text."""
    return tuple(line for line in lines if line.text)


def tidy(text: str, limit: int) -> str:
    """Return the text as one line of at most ``limit`` characters, the cut shown as ``…``.

    Control and format characters (line breaks, terminal escapes, bidirectional overrides) become
    blanks; runs of blanks become one.
    """
    visible = "".join(
        " " if unicodedata.category(character) in HIDDEN else character for character in text
    )
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
