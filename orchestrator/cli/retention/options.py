"""What `retention simulate` takes: spans such as ``1h``, outages such as ``30..75``."""

import re
from datetime import timedelta

import click
from typing_extensions import override

from orchestrator.policy.syntax.durations import parse_duration

SHORTEST = timedelta(minutes=1)


class SpanType(click.ParamType[timedelta]):
    """A duration as in policy files, at least a minute."""

    name = "span"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        try:
            span = parse_duration(str(value))
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no span such as 30m, 1h or 7d", param, ctx)
        if span < SHORTEST:
            self.fail(f"{value!r} is shorter than a minute", param, ctx)
        return span


class OutageType(click.ParamType[tuple[int, int]]):
    """Two days, counted from the start: ``30..75``."""

    name = "from..to"

    @override
    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        found = re.fullmatch(r"(\d{1,6})\.\.(\d{1,6})", str(value))
        if found is None or int(found[1]) >= int(found[2]):
            self.fail(f"{value!r} is no outage such as 30..75, in days", param, ctx)
        return int(found[1]), int(found[2])
