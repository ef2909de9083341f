"""`status --watch` on a terminal: one picture, renewed in place."""

from collections.abc import Callable, Sequence

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from orchestrator.cli.rendering import format_utc, printable
from orchestrator.cli.rich_tables import rich_table
from orchestrator.cli.status.table import (
    PLACES,
    PROMISES,
    Row,
    notes,
    rows_of_places,
    rows_of_promises,
)
from orchestrator.errors import OrchestratorError
from orchestrator.ports.clock import Sleeper
from orchestrator.reconciler.monitoring.look_at_health import Health


def watch_in_place(look: Callable[[], Health], sleeper: Sleeper, seconds: float) -> None:
    """Show what ``look`` sees, again every so many seconds, until somebody interrupts."""
    with Live(Text("looking …"), auto_refresh=False, screen=True) as live:
        while True:
            live.update(_picture_of(look), refresh=True)
            sleeper.sleep(seconds)


def _picture_of(look: Callable[[], Health]) -> RenderableType:
    try:
        return draw(look())
    except OrchestratorError as error:
        return Text(printable(f"error: {error.what} [{error.code}]\n  {error.next_step}"))


def draw(health: Health) -> RenderableType:
    """Return everything as one picture."""
    return Group(
        Text(f"{format_utc(health.seen.now)}   (Ctrl-C ends)\n", style="dim"),
        rich_table(PROMISES, _safe(rows_of_promises(health))),
        Text(),
        rich_table(PLACES, _safe(rows_of_places(health))),
        *(Text(printable(line)) for line in notes(health)),
    )


def _safe(rows: Sequence[Row]) -> Sequence[Row]:
    return [tuple(map(printable, row)) for row in rows]
