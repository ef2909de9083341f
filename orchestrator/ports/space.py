"""What the catalog remembers of the room at destinations."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from orchestrator.model.names import DestinationName
from orchestrator.model.space import SpaceHistory, SpaceMeasurement, Unmeasured


class SpaceReader(Protocol):
    """Reads what was measured."""

    def space(self) -> Mapping[DestinationName, SpaceHistory]:
        """Return what is known of every destination that was ever measured, or tried."""
        ...


class SpaceWriter(Protocol):
    """Writes what was measured. Nothing of this is logged: it is no event."""

    def record_space(
        self, measurement: SpaceMeasurement, *, forgetting: Collection[datetime] = ()
    ) -> None:
        """Remember a measurement, and that the place could be measured.

        Measurements of this destination at the times in ``forgetting`` go. A second measurement
        of the same moment replaces the first.
        """
        ...

    def record_unmeasured(self, destination: DestinationName, unmeasured: Unmeasured) -> None:
        """Remember that a place could not be measured; the first of several failures stays."""
        ...
