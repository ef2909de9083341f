"""Writes ``docs/cli.md`` from the command line itself; ``--check`` only compares."""  # noqa: INP001 - a script, not a package

import ast
import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from orchestrator.cli import exit_codes
from orchestrator.cli.exit_codes import CheckCode, ExitCode
from orchestrator.cli.main import cli

PAGE = Path(__file__).with_name("cli.md")
WIDTH = 96

HEAD = """\
# Commands

<!-- Written by `make docs` from the commands' own help; `make check` compares. -->
"""

BACKUP_REFERENCE = """\
A BACKUP is an id or a unique beginning of one, `latest`, or a time written with dashes
(`2026-11-22T10:30`, in the policy's zone unless it has an offset): the last backup before it.
`latest` and a time pass over safety copies, which a restore took of what it replaced, and backups that
are known to be damaged, unless there is nothing else.
"""

CHECK_CODES = """\
`status --check` alone speaks the language of monitoring plugins (Nagios and its heirs) instead:
"""


def render_exit_codes() -> Iterator[str]:
    """Yield the table of exit codes, with the words that stand below each code in the source."""
    yield from ("## Exit codes", "", "| code | meaning |", "|---|---|")
    yield from render_rows(ExitCode)
    yield from ("", "What each error code exits with is in [errors.md](errors.md).", "")
    yield from (CHECK_CODES, "| code | meaning |", "|---|---|")
    yield from render_rows(CheckCode)
    yield ""


def render_rows(codes: type[ExitCode | CheckCode]) -> Iterator[str]:
    """Yield a row for every code, with the words that stand below it in the source."""
    for name, words in list_words(codes):
        yield f"| {codes[name].value} | {words.replace('``', '`')} |"


def list_words(codes: type[ExitCode | CheckCode]) -> Iterator[tuple[str, str]]:
    """Yield the name and the words of every code, in the order of the source."""
    (table,) = (
        node
        for node in ast.parse(inspect.getsource(exit_codes)).body
        if isinstance(node, ast.ClassDef) and node.name == codes.__name__
    )
    for code, words in zip(table.body, table.body[1:], strict=False):
        match code, words:
            case (
                ast.Assign(targets=[ast.Name(id=name)]),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, text


def render_commands() -> Iterator[str]:
    """Yield the help of the group, of each verb, and of what a verb groups, as it is printed."""
    yield from render_help(cli, None, "orchestrator")
    with click.Context(cli, info_name="orchestrator") as parent:
        for name in cli.list_commands(parent):
            command = cli.get_command(parent, name)
            if command is not None and not command.hidden:
                yield from render_help(command, parent, name)


def render_help(command: click.Command, parent: click.Context | None, name: str) -> Iterator[str]:
    """Yield the section of one command, and of each that it groups."""
    context = click.Context(command, parent=parent, info_name=name, terminal_width=WIDTH)
    context.help_option_names = ["-h", "--help"]
    yield from (f"## {context.command_path}", "", "```text", command.get_help(context), "```", "")
    if isinstance(command, click.Group) and parent is not None:
        for inner_name, inner in command.commands.items():
            yield from render_help(inner, context, inner_name)


def render() -> str:
    """Return the page."""
    return "\n".join([HEAD, BACKUP_REFERENCE, *render_exit_codes(), *render_commands()])


def main() -> None:
    """Write the page, or with ``--check`` exit with 1 if it is not the present one."""
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(render(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != render():
        sys.exit(f"{PAGE.name} is not current: run `make docs`")


if __name__ == "__main__":
    main()
