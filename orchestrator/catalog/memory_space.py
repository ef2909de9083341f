"""The room at destinations in the in-memory catalog: `orchestrator.ports.space`."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime

from orchestrator.catalog.sql.columns import require_utc, storable
from orchestrator.model.names import DestinationName
from orchestrator.model.space import SpaceHistory, SpaceMeasurement, Unmeasured


class MemorySpace(ABC):
    """The part of the in-memory catalog that measuring writes."""

    def __init__(self) -> None:
        """Start with nothing measured."""
        super().__init__()
        self._measured: dict[DestinationName, dict[datetime, SpaceMeasurement]] = {}
        self._unmeasured: dict[DestinationName, Unmeasured] = {}

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[None]: ...

    def space(self) -> Mapping[DestinationName, SpaceHistory]:
        """Return what is known of every destination."""
        with self._transaction():
            return {
                name: SpaceHistory(
                    measurements=tuple(
                        measured for _, measured in sorted(self._measured.get(name, {}).items())
                    ),
                    unmeasured=self._unmeasured.get(name),
                )
                for name in sorted(self._measured.keys() | self._unmeasured.keys())
            }

    def record_space(
        self, measurement: SpaceMeasurement, *, forgetting: Collection[datetime] = ()
    ) -> None:
        """Remember a measurement."""
        at = require_utc(measurement.at)
        with self._transaction():
            measured = self._measured.setdefault(measurement.destination, {})
            for gone in forgetting:
                measured.pop(require_utc(gone), None)
            measured[at] = replace(measurement, at=at)
            self._unmeasured.pop(measurement.destination, None)

    def record_unmeasured(self, destination: DestinationName, unmeasured: Unmeasured) -> None:
        """Remember that a place could not be measured."""
        kept = replace(unmeasured, at=require_utc(unmeasured.at), why=storable(unmeasured.why))
        with self._transaction():
            self._unmeasured.setdefault(destination, kept)
