"""An alert in words: one subject, and the same body as plain text, Markdown and HTML. Pure."""

from dataclasses import dataclass
from enum import Enum

from orchestrator.alerts.draft import write_subject
from orchestrator.alerts.markup import (
    fit,
    measure_escaped,
    render_html,
    render_markdown,
    render_plain,
)
from orchestrator.alerts.words import Severity, severity_of
from orchestrator.model.alert import Alert

BODY_LIMIT = 2900
"""Characters of a body; a block of Slack takes 3,000."""

HTML_LIMIT = 8000
"""Characters of an HTML body, tags and styles included."""


class Form(Enum):
    """How a body is written."""

    PLAIN = "text"
    MARKDOWN = "markdown"
    HTML = "html"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertText:
    """An alert in words: ``subject`` is one line, the bodies say the same in three forms."""

    severity: Severity
    subject: str
    plain: str
    markdown: str
    html: str


def compose_alert(alert: Alert, *, limit: int = HTML_LIMIT) -> AlertText:
    """Given an alert, return what is to be read; the same alert always gives the same text.

    ``limit`` is the number of characters that somebody takes as a body.
    """
    return AlertText(
        severity=severity_of(alert),
        subject=write_subject(alert),
        plain=write_body(alert, Form.PLAIN, limit=limit),
        markdown=write_body(alert, Form.MARKDOWN, limit=limit),
        html=write_body(alert, Form.HTML, limit=limit),
    )


def write_body(alert: Alert, form: Form, *, limit: int) -> str:
    """Given an alert, return its body in one form, with at most ``limit`` characters.

    In Markdown they are counted as Slack counts: ``<`` is written as four.
    """
    match form:
        case Form.PLAIN:
            return fit(alert, render_plain, len, min(limit, BODY_LIMIT))
        case Form.MARKDOWN:
            return fit(alert, render_markdown, measure_escaped, min(limit, BODY_LIMIT))
        case Form.HTML:
            return fit(alert, render_html, len, min(limit, HTML_LIMIT))
