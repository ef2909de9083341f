"""``demo``: the whole story, told by the real commands."""

import click

from orchestrator.demo.story import run_demo
from orchestrator.wiring import start_practice_server


@click.command("demo")
@click.option("--keep", is_flag=True, help="Leave the server running and say how to go on by hand.")
def command(*, keep: bool) -> int:
    """Tell the whole story on an embedded PostgreSQL: plan, back up, lose rows, restore, alert.

    It starts a server of its own as an unprivileged user, writes only below the temporary
    directory, and removes what it started.
    """
    return run_demo(start_practice_server, keep=keep)
