"""In which form a service of Apprise takes an alert: HTML, Markdown or plain text, and how long.

Apprise by itself converts whatever it is given, cuts nothing unless told to, and puts the title into
the body of services that have none, without escaping it. Services refuse what is too long.
"""

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.alerts.draft import write_subject
from orchestrator.alerts.markup import quote
from orchestrator.alerts.text import Form, write_body
from orchestrator.alerts.words import Severity, severity_of
from orchestrator.model.alert import Alert

if TYPE_CHECKING:  # the import takes 150-400 ms, which only a real alert should cost
    from apprise.plugins.base import NotifyBase

ROOM_FOR_TITLE = 20
"""Characters that Apprise puts around a title that it moves into the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """An alert as one service takes it."""

    severity: Severity
    title: str
    body: str
    form: Form


def write_letter(alert: Alert, service: "NotifyBase") -> Letter:
    """Given an alert and a service, return title and body in the best form that it takes."""
    form = choose_form(service)
    title, room = write_subject(alert), service.body_maxlen
    if service.title_maxlen <= 0:
        title = as_part_of_body(title, form)
        room -= len(title) + ROOM_FOR_TITLE
    return Letter(
        severity=severity_of(alert),
        title=title,
        body=write_body(alert, form, limit=room),
        form=form,
    )


def choose_form(service: "NotifyBase") -> Form:
    """Return the form that a service's readers see best.

    Services whose readers are programs take every form; those get plain text. What somebody wrote
    into the URL (``?format=text``) counts.
    """
    from apprise import NotifyFormat  # noqa: PLC0415 - see TYPE_CHECKING

    own = Form(service.resolve_format(None).value)
    takes_html = service.resolve_format(NotifyFormat.HTML) is NotifyFormat.HTML
    takes_markdown = service.resolve_format(NotifyFormat.MARKDOWN) is NotifyFormat.MARKDOWN
    if own is Form.PLAIN and takes_markdown and not takes_html:
        return Form.MARKDOWN
    return own


def as_part_of_body(title: str, form: Form) -> str:
    """Return the title so that it is shown as it is when it becomes a part of the body."""
    match form:
        case Form.HTML:
            return html.escape(title, quote=False)
        case Form.MARKDOWN:
            return quote(title)
        case Form.PLAIN:
            return title
