"""What a rebuild did, as data."""

from dataclasses import dataclass

from orchestrator.errors import OrchestratorError
from orchestrator.model.names import DestinationName, Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One thing at the destination that is not as it should be; the rest was read all the same."""

    subject: str
    what: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesReport:
    """One series: ``found`` backups lie there, of which ``added`` were new to the catalog.

    ``damaged`` counts those among the found that are not whole there.
    """

    series: Series
    path: str
    found: int
    added: int
    damaged: int
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFailure:
    """A series that could not be rebuilt now, and why."""

    path: str
    error: OrchestratorError


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """A whole rebuild; without failures the catalog belongs to the destination from now on."""

    destination: DestinationName
    series: tuple[SeriesReport, ...]
    troubles: tuple[Trouble, ...]
    failures: tuple[SeriesFailure, ...]

    @property
    def all_troubles(self) -> tuple[Trouble, ...]:
        """The troubles of the place and of each series."""
        return (*self.troubles, *(trouble for item in self.series for trouble in item.troubles))
