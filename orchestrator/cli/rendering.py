"""How values look to people: tables, errors, texts and times; rich only on a terminal."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

import click

from orchestrator.errors import OrchestratorError


def print_json(document: Mapping[str, object]) -> None:
    """Print a document for programs: sorted as given, two spaces, one final newline."""
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_error(error: OrchestratorError) -> None:
    """Print what happened, its code, and what to do next, to stderr."""
    click.echo(printable(f"error: {error.what} [{error.code}]"), err=True)
    click.echo(printable(f"  {error.next_step}"), err=True)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under headers: a rich table on a terminal, aligned columns elsewhere."""
    safe = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        _print_rich_table(headers, safe)
        return
    widths = [max(map(len, column)) for column in zip(headers, *safe, strict=True)]
    for row in (headers, *safe):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _print_rich_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console  # noqa: PLC0415 - only where it prints

    from orchestrator.cli.rich_tables import rich_table  # noqa: PLC0415

    Console().print(rich_table(headers, rows))


def printable(text: str) -> str:
    """Return a text whose control characters are escaped, so that names cannot drive a terminal."""
    return "".join(
        character if character.isprintable() or character == "\n" else _escaped(character)
        for character in text
    )


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def format_utc(moment: datetime) -> str:
    """Return an aware UTC time as ``2026-11-22T02:00:00Z``, for programs."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
