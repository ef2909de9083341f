"""What an alert says: a subject, and the same body as plain text and as Markdown. Pure.

The text names policy and database, what happened, since when, the last good backup, what is at
risk, and the next command to type (design §9). It is bounded, so that no channel has to cut it,
and holds no control characters: an error's words may come from a server that we do not trust.
"""

import unicodedata
from dataclasses import dataclass
from datetime import UTC

from orchestrator.model.alert import Alert
from orchestrator.model.policy import Event

SUBJECT_LIMIT = 140
LINE_LIMIT = 600

SEVERITIES = {Event.FAILED: "FAILED"}
HEADLINES = {Event.FAILED: "The backup failed"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertText:
    """An alert in words: ``subject`` is one line, the bodies are a few lines each."""

    subject: str
    plain: str
    markdown: str


def compose_alert(alert: Alert) -> AlertText:
    """Given an alert, return what is to be read; the same alert always gives the same text."""
    facts = list_facts(alert)
    headline = f"{HEADLINES[alert.event]}: {tidy(str(alert.series), LINE_LIMIT)}"
    return AlertText(
        subject=with_code(
            f"[{SEVERITIES[alert.event]}] {alert.series}: {alert.error.what}",
            code=alert.error.code,
            limit=SUBJECT_LIMIT,
        ),
        plain=f"{headline}\n\n" + "\n".join(f"{label}: {fact}" for label, fact in facts) + "\n",
        markdown=f"**{HEADLINES[alert.event]}**: {code_span(str(alert.series))}\n\n"
        + "\n".join(f"- **{label}**: {code_span(fact)}" for label, fact in facts)
        + "\n",
    )


def list_facts(alert: Alert) -> list[tuple[str, str]]:
    """Return the lines of the body as label and fact, in the order of reading."""
    facts = [
        ("Policy", str(alert.series.policy)),
        ("Database", str(alert.series.database)),
        ("What happened", with_code(alert.error.what, code=alert.error.code, limit=LINE_LIMIT)),
        ("Since", f"{alert.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"),
        ("Last good backup", alert.last_good),
        ("At risk", describe_risk(alert)),
        ("What to do", alert.error.next_step),
        ("Next command", alert.next_command),
    ]
    return [(label, tidy(fact, LINE_LIMIT)) for label, fact in facts if fact.strip()]


def describe_risk(alert: Alert) -> str:
    """Return what would be lost if the database were lost now."""
    database = alert.series.database
    if alert.last_good.lower().startswith("none"):
        return f"everything in {database}: there is no backup to go back to"
    return f"whatever changed in {database} since the last good backup"


def with_code(text: str, *, code: str, limit: int) -> str:
    """Return the text and its error code in at most ``limit`` characters; the code is never cut."""
    suffix = f" [{code}]"
    return tidy(text, limit - len(suffix)) + suffix


def tidy(text: str, limit: int) -> str:
    """Return the text as one line of at most ``limit`` characters, the cut shown as ``…``.

    Control and format characters (line breaks, terminal escapes, bidirectional overrides) become
    blanks; runs of blanks become one.
    """
    visible = "".join(
        " " if unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else character
        for character in text
    )
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def code_span(text: str) -> str:
    """Return the text as Markdown that is shown as it is: no link, mention or markup in it works.

    A backtick cannot be escaped inside a code span, so it is shown as an apostrophe.
    """
    return f"`{tidy(text, LINE_LIMIT).replace('`', chr(39))}`"
