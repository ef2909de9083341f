"""How the lines of an alert look as plain text, as Markdown and as HTML. Pure.

Words that are not ours never act as markup: no link, mention or emphasis in them works. In Markdown
whatever could be markup stands in a code span, because services do not agree on anything else: Slack
shows a backslash that escapes, and Discord calls everybody all the same.
"""

import html
import re
from collections.abc import Callable, Iterable

from orchestrator.alerts.draft import Draft, Line, write_draft
from orchestrator.alerts.words import Severity
from orchestrator.model.alert import Alert

PROSE = re.compile(r"(?!.*(?:\w\.[^\W\d_]|\][\[(:]|://|\b_|_\b))[^\W_][\w ,.;:()\[\]/'\"%+=?!-]*")
"""Text that is markup nowhere, and that no service takes for an address."""

COLOURS = {
    Severity.CRITICAL: "#b3261e",
    Severity.WARNING: "#9a6700",
    Severity.OK: "#1a7f37",
    Severity.INFO: "#57606a",
}

LINE_LENGTHS = (600, 300, 150, 75, 40)
"""How long a line may be: the first with which everything important finds room."""

Render = Callable[[Draft], str]
Measure = Callable[[str], int]


def fit(alert: Alert, render: Render, measure: Measure, limit: int) -> str:
    """Return the alert as text that measures at most ``limit``, or as little as it can be.

    Lines are left out first, the least important ones before others; only where that is not enough
    are the others cut more than usual.
    """
    text = ""
    for longest in LINE_LENGTHS:
        text = leave_out(write_draft(alert, longest=longest), render, measure, limit)
        if measure(text) <= limit:
            break
    return text


def leave_out(draft: Draft, render: Render, measure: Measure, limit: int) -> str:
    """Return the message as text, without its least important lines where it would be too long."""
    text = render(draft)
    while measure(text) > limit and (shorter := draft.shortened()) is not None:
        draft = shorter
        text = render(draft)
    return text


def measure_escaped(text: str) -> int:
    """Return the length of a text once ``&``, ``<`` and ``>`` are written as Slack wants them."""
    return len(html.escape(text, quote=False))


# ------------------------------------------------------------------ plain text
def render_plain(draft: Draft) -> str:
    """Return the message as plain text."""
    steps = [*map(plain_line, draft.steps), *plain_command(draft)]
    told = [*map(plain_line, draft.lines), *map(plain_line, draft.facts)]
    told += left_out(draft.facts_left_out)
    affected = [f"- {plain_line(line)}" for line in draft.affected]
    affected += left_out(draft.affected_left_out)
    blocks = [[draft.headline], told, steps, heading_of(draft) + affected]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def plain_line(line: Line) -> str:
    """``Label: text``, or either alone."""
    return ": ".join(part for part in (line.label, line.text) if part)


def plain_command(draft: Draft) -> list[str]:
    """Return the line of the next command, if there is one."""
    return [f"{draft.command_label}: {draft.command}"] if draft.command else []


def heading_of(draft: Draft) -> list[str]:
    """Return the line above the series that are hit, if there are several."""
    if not draft.affected and not draft.affected_left_out:
        return []
    told = any(line.text for line in draft.affected)
    return ["Databases, each with its last good backup:" if told else "Databases:"]


def left_out(number: int) -> list[str]:
    """Return the line that says how many are not shown."""
    return [f"and {number} more"] if number else []


# ------------------------------------------------------------------ Markdown
def render_markdown(draft: Draft) -> str:
    """Return the message as Markdown that chats understand: bold, code and lists only."""
    steps = [*map(markdown_line, draft.steps), *markdown_command(draft)]
    told = [*map(markdown_line, draft.lines), *map(markdown_line, draft.facts)]
    told += [f"- {words}" for words in left_out(draft.facts_left_out)]
    affected = [markdown_line(line) for line in draft.affected]
    affected += [f"- {words}" for words in left_out(draft.affected_left_out)]
    blocks = [[f"**{quote(draft.headline)}**"], told, steps, [*heading_of(draft)], affected]
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def markdown_line(line: Line) -> str:
    """Return a line as an entry of a list."""
    label = f"**{quote(line.label)}**" if line.label else ""
    return "- " + ": ".join(part for part in (label, line.text and quote(line.text)) if part)


def markdown_command(draft: Draft) -> list[str]:
    """Return the line of the next command, ready to be copied."""
    return [f"- **{draft.command_label}**: {code_span(draft.command)}"] if draft.command else []


def quote(text: str) -> str:
    """Return the text so that it is shown as it is."""
    return text if PROSE.fullmatch(text) else code_span(text)


def code_span(text: str) -> str:
    """Return the text as code: no link, mention or markup in it works.

    A backtick cannot be escaped inside a code span, so it is shown as an apostrophe.
    """
    return f"`{text.replace('`', chr(39))}`"


# ------------------------------------------------------------------ HTML
def render_html(draft: Draft) -> str:
    """Return the message as HTML that every mail program shows, and that is text without styles."""
    colour, command = COLOURS[draft.severity], html.escape(draft.command)
    told = [*map(html_line, draft.lines), *map(html_line, draft.facts)]
    told += left_out(draft.facts_left_out)
    affected = "".join(f"<li>{html_line(line)}</li>" for line in draft.affected)
    parts = [
        f'<p style="font-size:1.2em;color:{colour}"><b>{html.escape(draft.headline)}</b></p>',
        paragraph(told),
        paragraph(
            [*map(html_line, draft.steps), f"<b>{draft.command_label}:</b>" if command else ""]
        ),
        f'<pre style="{COMMAND_STYLE}">{command}</pre>' if command else "",
        paragraph(f"<b>{words}</b>" for words in heading_of(draft)),
        f"<ul>{affected}</ul>" if affected else "",
        paragraph(left_out(draft.affected_left_out)),
    ]
    body = "\n".join(part for part in parts if part)
    return f'<div style="{FRAME_STYLE};border-left:4px solid {colour}">\n{body}\n</div>\n'


FRAME_STYLE = "font-family:sans-serif;line-height:1.5;max-width:45em;padding:0 1em"
COMMAND_STYLE = "background:#f0f1f3;padding:.7em;white-space:pre-wrap;font-size:1.1em"


def html_line(line: Line) -> str:
    """``<b>Label:</b> text``, or either alone."""
    label, text = html.escape(line.label), html.escape(line.text)
    return f"<b>{label}:</b> {text}" if label and text else label or text


def paragraph(lines: Iterable[str]) -> str:
    """Return those lines that say something as one paragraph, or nothing if there are none."""
    body = "<br>".join(line for line in lines if line)
    return f"<p>{body}</p>" if body else ""
