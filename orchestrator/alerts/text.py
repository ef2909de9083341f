"""The body of an alert: the same words as plain text, Markdown or HTML. Pure."""

from enum import Enum

from orchestrator.alerts.markup import (
    fit,
    measure_escaped,
    render_html,
    render_markdown,
    render_plain,
)
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
