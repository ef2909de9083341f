"""How much room a destination has, as it was measured."""

from dataclasses import dataclass
from datetime import datetime

from orchestrator.model.names import DestinationName


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The room of a place in bytes: ``free`` for us, of a ``whole`` that we could ever have.

    What is reserved for others belongs to neither. ``free`` is never more than ``whole``.
    """

    free: int
    whole: int

    @property
    def used(self) -> int:
        """Bytes that somebody has taken, whoever it was."""
        return self.whole - self.free

    @property
    def free_share(self) -> float:
        """Percent of the whole that is free; 0 where there is no whole."""
        return 100 * self.free / self.whole if self.whole else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceMeasurement:
    """The space of a destination at one moment."""

    destination: DestinationName
    at: datetime
    space: Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmeasured:
    """A destination could not be measured since ``at``: the words of the first failure."""

    at: datetime
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceHistory:
    """What is known of the space of one destination, oldest measurement first.

    ``unmeasured`` is None unless the latest attempt to measure it failed.
    """

    measurements: tuple[SpaceMeasurement, ...] = ()
    unmeasured: Unmeasured | None = None

    @property
    def latest(self) -> SpaceMeasurement | None:
        """The newest measurement, or None."""
        return self.measurements[-1] if self.measurements else None
