"""Manifests that the catalog does not list and never will by itself (design §7, "One at a time").

One may lie there because its run had lost the series before it wrote it, or because something of
it was missing when the series was taken over. It stays where it is, and collection treats what it
names as named; the log and `catalog check` show it, and `catalog rebuild` is how a human reads it in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.execution.context import Execution
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.run import LogAction, LogOutcome

NOTED_EVERY = timedelta(days=30)
"""How often the log says of a stranger that it is still there."""


@dataclass(frozen=True, slots=True)
class Stranger:
    """A manifest at a destination that the catalog does not list there, and why, in words."""

    backup: BackupId
    destination: DestinationName
    why: str

    @property
    def sentence(self) -> str:
        """What is shown of it."""
        return f"{self.backup} at {self.destination} was not adopted: {self.why}"


def note_strangers(series: Series, strangers: Sequence[Stranger], execution: Execution) -> None:
    """Write strangers into the log, each once in `NOTED_EVERY`.

    Raises:
        CatalogError: the catalog cannot take it.
    """
    if not strangers:
        return
    noted = {
        (entry.detail.get("backup"), entry.detail.get("destination"))
        for entry in execution.reader.log(since=execution.clock.now() - NOTED_EVERY)
        if entry.action is LogAction.ADOPT and entry.outcome is LogOutcome.FAILED
    }
    for stranger in strangers:
        if (stranger.backup, stranger.destination) in noted:
            continue
        detail = {
            "backup": str(stranger.backup),
            "destination": str(stranger.destination),
            "what": stranger.why,
            "next": f"`orchestrator catalog rebuild --from {stranger.destination}` reads it in",
        }
        execution.writer.append_log(
            execution.log_entry(LogAction.ADOPT, str(series), LogOutcome.FAILED, detail)
        )
