"""Options that several verbs share."""

import click

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
