"""Measuring the room at destinations, beside the work and never in its way.

A file system whose server is gone makes whoever asks it wait for ever. So each place is asked in a
thread of its own, for a limited time; one that does not answer is asked no second time until it
does, and the catalog remembers that it could not be measured. Only a place that is proved to be
ours counts: an unmounted disk leaves a directory of another file system, with other figures.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from datetime import timedelta
from threading import Thread

from orchestrator.errors import OrchestratorError
from orchestrator.execution.attach_destination import marker_of
from orchestrator.execution.context import Execution
from orchestrator.model.names import DestinationName
from orchestrator.model.space import Space, SpaceHistory, SpaceMeasurement, Unmeasured
from orchestrator.planning.storage import forgettable, measured_until
from orchestrator.ports.destination import Destination

PATIENCE = 5.0
"""Seconds after which a place that did not answer counts as one that cannot be measured."""

LIST_EVERY = timedelta(minutes=1)
"""Where space is a declared capacity, every object is listed: not more often than this."""

_log = logging.getLogger("orchestrator.space")


@dataclass(frozen=True, slots=True)
class _Asked:
    """A place that was asked, and when (monotonic seconds)."""

    answer: Future[Space | None]
    at: float


class SpaceGauge:
    """Measures the destinations of the policies in force; one lives as long as its loop."""

    def __init__(self) -> None:
        """Start with no question open."""
        self._asked: dict[DestinationName, _Asked] = {}

    def measure(
        self, execution: Execution, *, patience: float = PATIENCE
    ) -> Mapping[DestinationName, SpaceHistory]:
        """Measure every destination that a policy uses, record it, and return what is known.

        Returns after at most ``patience`` seconds and the time that the catalog takes. An answer
        that comes later is recorded by the next call. A place that cannot tell, or was never used,
        is not measured.

        Raises:
            CatalogError: the catalog cannot be read or written.
        """
        known = _read(execution)
        for name in sorted(_used(execution) - self._asked.keys()):
            if _is_due(name, known.get(name, SpaceHistory()), execution):
                self._ask(name, execution)
        wait([asked.answer for asked in self._asked.values()], timeout=patience)
        for name, asked in list(self._asked.items()):
            if asked.answer.done():
                del self._asked[name]
                _record_answer(name, asked.answer, known.get(name, SpaceHistory()), execution)
            elif execution.clock.monotonic() - asked.at >= PATIENCE:
                _record_failure(name, f"it did not answer within {PATIENCE:.0f} s", execution)
        return _read(execution)

    def _ask(self, name: DestinationName, execution: Execution) -> None:
        marker = execution.reader.destination_marker(name)
        if marker is None:
            return
        answer: Future[Space | None] = Future()
        self._asked[name] = _Asked(answer, execution.clock.monotonic())
        arguments = (name, marker, execution, answer)
        # A daemon: a process must be able to end while a dead server keeps a thread waiting.
        Thread(target=_answer, args=arguments, name=f"space of {name}", daemon=True).start()


def _read(execution: Execution) -> Mapping[DestinationName, SpaceHistory]:
    return measured_until(execution.clock.now(), execution.reader.space())


def _used(execution: Execution) -> set[DestinationName]:
    policies = execution.desired.policies.values()
    return {name for policy in policies for name in policy.destinations}


def _is_due(name: DestinationName, known: SpaceHistory, execution: Execution) -> bool:
    place = execution.desired.destinations.get(name)
    if place is None or place.capacity is None or known.latest is None:
        return True
    if known.latest.space.whole != place.capacity:
        return True  # the policy says something else than it did
    return abs(execution.clock.now() - known.latest.at) >= LIST_EVERY


def _answer(
    name: DestinationName, marker: str, execution: Execution, answer: Future[Space | None]
) -> None:
    try:
        answer.set_result(_measure(name, marker, execution))
    except BaseException as error:  # noqa: BLE001 whoever waits for the answer decides
        answer.set_exception(error)


def _measure(name: DestinationName, marker: str, execution: Execution) -> Space | None:
    destination = execution.destinations.open(name)
    if marker_of(destination) != marker:
        raise _NotOursError("its marker is not there: perhaps its disk is not mounted")
    place = execution.desired.destinations.get(name)
    space = destination.space()
    if place is None or place.capacity is None:
        return space
    return _within(place.capacity, _stored_bytes(destination), space)


def _within(capacity: int, stored: int, space: Space | None) -> Space:
    """Return the room of a place of which only so many bytes are ours."""
    left = max(0, capacity - stored)
    return Space(free=left if space is None else min(left, space.free), whole=capacity)


def _stored_bytes(destination: Destination) -> int:
    return sum(info.size for info in destination.list(""))


class _NotOursError(Exception):
    """What lies at the place of a destination is not that destination."""


def _record_answer(
    name: DestinationName,
    answer: Future[Space | None],
    known: SpaceHistory,
    execution: Execution,
) -> None:
    try:
        space = answer.result()
    except (OrchestratorError, _NotOursError) as error:
        _record_failure(name, str(error), execution)
        return
    except Exception as error:  # noqa: BLE001 - no alert is lost for an answer that nobody foresaw
        _log.warning(
            "space_not_measured", extra={"destination": name, "what": type(error).__name__}
        )
        _log.debug("space_not_measured: %s", error, exc_info=error)
        _record_failure(name, f"an unexpected {type(error).__name__}", execution)
        return
    if space is not None:
        now = execution.clock.now()
        measured = SpaceMeasurement(destination=name, at=now, space=space)
        execution.writer.record_space(
            measured, forgetting=forgettable((*known.measurements, measured), now=now)
        )


def _record_failure(name: DestinationName, why: str, execution: Execution) -> None:
    execution.writer.record_unmeasured(name, Unmeasured(at=execution.clock.now(), why=why))
