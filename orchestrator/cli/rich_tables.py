"""Tables on a terminal. Importing rich takes time, so only who prints there imports this."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text


def rich_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Return a table of cells that are safe to print; no markup is read in them."""
    table = Table(*headers, box=None, pad_edge=False, header_style="bold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table
