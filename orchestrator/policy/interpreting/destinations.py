"""The places that store backups, and when their space is too little."""

from pathlib import Path

from orchestrator.model.names import DestinationName
from orchestrator.model.policy import Destination, LowStorage
from orchestrator.policy.problems import ProblemLog, quoted
from orchestrator.policy.reading.section import Section, Text
from orchestrator.policy.syntax.durations import parse_duration
from orchestrator.policy.syntax.file_urls import FileUrlError, absolute_file_url
from orchestrator.policy.syntax.sizes import parse_percentage, parse_size

WHOLE = 100
MEASURABLE = frozenset({"file"})
"""The kinds of places that can be asked for their size and their free space."""


def interpret_destination(
    name: Text, section: Section, folder: Path, log: ProblemLog
) -> Destination | None:
    """Return the destination, or None if its url cannot be used; that was reported."""
    url = section.text("url")
    if url is None:
        return None
    capacity = _size(section.text("capacity"))
    low_storage = interpret_low_storage(section, capacity, log)
    try:
        absolute = absolute_file_url(url.value, folder)
    except FileUrlError as error:
        log.report(url.place, str(error), error.hint)
        return None
    return Destination(
        name=DestinationName(name.value),
        url=absolute,
        low_storage=low_storage,
        capacity=capacity,
    )


def interpret_low_storage(
    destination: Section, capacity: int | None, log: ProblemLog
) -> LowStorage | None:
    """Return the limits of a destination of so many bytes, or None if none are declared.

    Limits that could never be judged, or that no place could ever keep, are problems.
    """
    if not destination.has("low_storage"):
        return None
    section = destination.section("low_storage")
    below, within = section.text("free_below"), section.text("full_within")
    if not section.has("free_below") and not section.has("full_within"):
        log.report(section.place, "`low_storage` asks for nothing", "add `free_below: 10%` to it")
    _check_measurable(destination, section, capacity, log)
    _check_reachable(below, capacity, log)
    return LowStorage(
        free_below=None if below is None or _share(below) is not None else parse_size(below.value),
        free_below_share=None if below is None else _share(below),
        full_within=None if within is None else parse_duration(within.value),
    )


def _check_measurable(
    destination: Section, section: Section, capacity: int | None, log: ProblemLog
) -> None:
    url = destination.text("url")
    scheme = "" if url is None else url.value.partition(":")[0]
    if url is not None and capacity is None and scheme not in MEASURABLE:
        log.report(
            section.place,
            f"a {quoted(scheme + ':')} place cannot be asked for its space, so nothing could be low",
            "add `capacity: 500GiB` to the destination: how much may be stored there",
        )


def _check_reachable(below: Text | None, capacity: int | None, log: ProblemLog) -> None:
    if below is None:
        return
    share = _share(below)
    if share == WHOLE:
        log.report(below.place, "less than `100%` is free wherever anything is stored", "say less")
    elif share is None and capacity is not None and parse_size(below.value) >= capacity:
        log.report(
            below.place,
            f"{quoted(below.value)} can never be free where that much is all there is",
            "`free_below` must be smaller than `capacity`",
        )


def _share(below: Text) -> int | None:
    return parse_percentage(below.value)


def _size(written: Text | None) -> int | None:
    return None if written is None else parse_size(written.value)
