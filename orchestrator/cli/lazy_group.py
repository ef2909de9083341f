"""A command group that imports a verb only when it is asked for.

``orchestrator --help`` would otherwise import SQLAlchemy, psycopg and Apprise, at 150 to 390 ms
each (reference: design §10). The short help of each verb therefore stands in the table of verbs.
"""

import importlib
from dataclasses import dataclass

import click
from typing_extensions import override

from orchestrator.errors import NotSupportedYetError


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: the module of ``orchestrator.cli`` that has it as ``command``, and its short help."""

    module: str
    help: str


class LazyGroup(click.Group):
    """Verbs by name, imported on use; verbs that are designed but not built are refused in words."""

    verbs: dict[str, Verb]
    planned: frozenset[str]

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.planned:
            raise NotSupportedYetError(
                f"`orchestrator {cmd_name}` is not supported yet",
                next_step="see `orchestrator --help` for what is",
            )
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return None
        module = importlib.import_module(f"orchestrator.cli.{verb.module}")
        command: click.Command = module.command
        return command

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.help) for name, verb in self.verbs.items()])
