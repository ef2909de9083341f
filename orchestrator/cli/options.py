"""Options that several verbs share."""

from collections.abc import Callable
from typing import TypeVar

import click

from orchestrator.errors import NotSupportedYetError

Command = TypeVar("Command", bound=Callable[..., object])

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print a versioned JSON document instead."
)

unattended_option = click.option(
    "--unattended",
    is_flag=True,
    help="As `run` does and timers should: try again only when the wait after a failure is over.",
)

allow_prune_option = click.option(
    "--allow-prune",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="Let N copies go beyond what normal ageing explains.",
)


def not_supported_yet(flag: str, *, takes_value: bool = True) -> Callable[[Command], Command]:
    """Declare a designed option that is refused in words until it is built."""

    def refuse(_: click.Context, __: click.Parameter, value: object) -> None:
        if value not in (None, False, ()):
            raise NotSupportedYetError(
                f"{flag} is not supported yet", next_step="see --help for what is"
            )

    if takes_value:
        return click.option(flag, hidden=True, expose_value=False, callback=refuse)
    return click.option(flag, hidden=True, expose_value=False, callback=refuse, is_flag=True)
