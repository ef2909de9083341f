"""Whoever replaces a database types its name."""

import sys

import click

from orchestrator.errors import ReplaceRefusedError


def require_agreement(name: str, yes_replace: str | None) -> None:
    """Do nothing if the name was given with ``--yes-replace`` or is typed now.

    Raises:
        ReplaceRefusedError: it was not; nothing was changed.
    """
    typed = yes_replace
    if typed is None:
        if not sys.stdin.isatty():
            raise ReplaceRefusedError(
                f"nobody typed the name of {name!r}; nothing was changed",
                next_step=f"add --yes-replace {name}",
            )
        typed = click.prompt("Type the name of the database to go on", err=True)
    if typed != name:
        raise ReplaceRefusedError(
            f"{typed!r} is not {name!r}; nothing was changed", next_step=f"type {name} in full"
        )
