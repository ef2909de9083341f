"""Figures as families of Prometheus metrics; ``docs/metrics.md`` describes each."""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from typing_extensions import override

from orchestrator.model.names import Series
from orchestrator.model.run import RunState
from orchestrator.planning.health.figures import Figures, SeriesFigures

PREFIX = "orchestrator_"
SERIES = ("policy", "database")

Sample = tuple[Sequence[str], float]


class FiguresCollector(Collector):
    """Presents the figures of one pass to the client library."""

    def __init__(self, figures: Figures) -> None:
        """Given figures, present them."""
        self._figures = figures

    @override
    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from _of_the_pass(self._figures)
        yield from _of_series(self._figures.series)
        yield from _of_newest(self._figures.series)
        yield from _of_places(self._figures)
        yield _family(
            "outbox_messages",
            "Alerts that wait to be taken by a channel.",
            ("channel",),
            [((name,), count) for name, count in self._figures.waiting.items()],
        )


def _of_the_pass(figures: Figures) -> Iterator[GaugeMetricFamily]:
    yield _family(
        "last_pass_timestamp_seconds",
        "When this file was written: after each pass, whatever came of it.",
        (),
        [((), figures.at.timestamp())],
    )
    yield _family(
        "last_pass_success",
        "1 if the last pass could be made; 0 if the catalog or the policies could not be used.",
        (),
        [((), figures.pass_succeeded)],
    )
    yield _family(
        "policies_valid",
        "1 if the policy files are valid; else the last good revision is in force, or none.",
        (),
        [((), figures.policies_valid)],
    )
    yield _family(
        "policy_healthy",
        "1 while every promise of the policy holds and its newest backups are proved as promised.",
        ("policy",),
        [((name,), is_well) for name, is_well in figures.well.items()],
    )


def _of_series(series: Sequence[SeriesFigures]) -> Iterator[GaugeMetricFamily]:
    yield _family(
        "promise_kept",
        "1 while every slot of the schedule had its backup in time.",
        (*SERIES, "schedule"),
        [
            ((*_labels(one.series), name), is_kept)
            for one in series
            for name, is_kept in one.promises.items()
        ],
    )
    yield _family(
        "series_runs",
        "Attempts of the last 24 hours, by how they stand.",
        (*SERIES, "state"),
        [
            ((*_labels(one.series), state.value), one.runs.get(state.value, 0))
            for one in series
            for state in RunState
        ],
    )
    yield from _counts(series)


def _counts(series: Sequence[SeriesFigures]) -> Iterator[GaugeMetricFamily]:
    for name, help_text, values in (
        ("series_backups", "Backups that are kept.", [one.backups for one in series]),
        (
            "series_failures",
            "Attempts that failed since one succeeded.",
            [one.failures for one in series],
        ),
        (
            "series_suspicious_backups",
            "Backups that a guard finds suspicious and nobody has looked at.",
            [one.suspicious for one in series],
        ),
        (
            "series_promised_level",
            "The level to which each new backup is promised to be verified (1 stored to 4 restored).",
            [int(one.promised_level) for one in series],
        ),
    ):
        labelled = zip((_labels(one.series) for one in series), values, strict=True)
        yield _family(name, help_text, SERIES, labelled)


def _of_newest(series: Sequence[SeriesFigures]) -> Iterator[GaugeMetricFamily]:
    newest = [(_labels(one.series), one.newest) for one in series if one.newest is not None]
    for name, help_text, values in (
        (
            "last_success_timestamp_seconds",
            "The moment that the newest good backup shows (its snapshot).",
            [one.snapshot_at.timestamp() for _, one in newest],
        ),
        (
            "last_success_age_seconds",
            "How old the newest good backup was when this file was written.",
            [one.age for _, one in newest],
        ),
        (
            "last_success_level",
            "How far the newest good backup is verified (0 not at all, 1 stored to 4 restored).",
            [int(one.level or 0) for _, one in newest],
        ),
        (
            "last_success_duration_seconds",
            "How long the newest good backup took, from its snapshot on.",
            [one.duration for _, one in newest],
        ),
        ("last_success_tables", "Its tables.", [one.tables for _, one in newest]),
        ("last_success_rows", "Its rows.", [one.rows for _, one in newest]),
        ("last_success_text_bytes", "Its rows as text.", [one.text_bytes for _, one in newest]),
        (
            "last_success_stored_bytes",
            "All objects that it consists of, those shared with other backups included.",
            [one.stored_bytes for _, one in newest],
        ),
        (
            "last_success_new_bytes",
            "The objects that had to be stored for it.",
            [one.new_bytes for _, one in newest],
        ),
    ):
        labelled = zip((labels for labels, _ in newest), values, strict=True)
        yield _family(f"series_{name}", help_text, SERIES, labelled)


def _of_places(figures: Figures) -> Iterator[GaugeMetricFamily]:
    measured = [
        (place.destination, place.space, place.measured_at)
        for place in figures.places
        if place.space is not None and place.measured_at is not None
    ]
    for name, help_text, samples in (
        (
            "free_bytes",
            "Room that is left at a destination for us.",
            [((name,), space.free) for name, space, _ in measured],
        ),
        (
            "whole_bytes",
            "Room that there is at a destination for us in all, or its declared capacity.",
            [((name,), space.whole) for name, space, _ in measured],
        ),
        (
            "measured_timestamp_seconds",
            "When a destination was measured last.",
            [((name,), at.timestamp()) for name, _, at in measured],
        ),
        (
            "measurable",
            "0 if the last try to measure a destination failed.",
            [((place.destination,), place.is_measurable) for place in figures.places],
        ),
    ):
        yield _family(f"destination_{name}", help_text, ("destination",), samples)


def _labels(series: Series) -> tuple[str, str]:
    return series.policy, series.database


def _family(
    name: str, help_text: str, labels: Sequence[str], samples: Iterable[Sample]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"{PREFIX}{name}", help_text, labels=labels)
    for values, value in samples:
        family.add_metric([_storable(text) for text in values], float(value))
    return family


def _storable(text: str) -> str:
    """Return a label's value; names of databases may hold bytes that are not UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
