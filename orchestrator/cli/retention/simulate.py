"""``retention simulate``: what the rules of a policy come to, over virtual days."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import groupby, islice
from math import ceil
from pathlib import Path
from typing import TypedDict

import click
from typing_extensions import Unpack

from orchestrator.cli.loading import load_or_refuse, policy_named
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import print_json
from orchestrator.cli.retention.options import OutageType, SpanType
from orchestrator.cli.retention.plot import draw_simulation
from orchestrator.cli.retention.report import Scenario, describe_simulation, simulation_as_json
from orchestrator.cli.times import parse_time
from orchestrator.errors import UsageError
from orchestrator.execution.find_databases import recall_databases
from orchestrator.model.policy import Policy
from orchestrator.planning.retention.copies import RetentionRules
from orchestrator.planning.schedule import slots_between
from orchestrator.planning.simulation.simulate import DAY, Outage, Simulation, simulate_retention
from orchestrator.ports.catalog import CatalogReader
from orchestrator.settings import Settings
from orchestrator.wiring import open_reader, system_clock

MOST_DAYS, MOST_BACKUPS = 10_000, 200_000
NOMINAL_BYTES = 2**30
INSTANT = timedelta(microseconds=1)


class SimulateOptions(TypedDict):
    """What can be said beside the policy."""

    days: int
    every: timedelta | None
    outage: tuple[int, int] | None
    start: str | None
    plot: Path | None


@click.command("simulate")
@click.argument("policy")
@click.option("--days", type=click.IntRange(1, MOST_DAYS), required=True, help="How many days.")
@click.option(
    "--every", type=SpanType(), metavar="SPAN", help="One backup every 1h, not the schedules."
)
@click.option(
    "--outage", type=OutageType(), metavar="FROM..TO", help="Days in which backups fail: 30..75."
)
@click.option("--start", metavar="TIME", help="When virtual time begins (default: last midnight).")
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.svg",
    help="Draw the result into this file.",
)
@json_option
@click.pass_obj
def simulate_command(
    settings: Settings, /, *, policy: str, as_json: bool, **options: Unpack[SimulateOptions]
) -> None:
    """Walk the rules of a POLICY through virtual days: what is kept, what goes, what it takes.

    The figures are those of one database at one destination. Every backup counts as verified, and
    takes what those in the catalog took on average, or 1 GiB if there is none. No backup is
    touched.
    """
    scenario = _build_scenario(settings, policy, options)
    simulation = simulate(scenario)
    if options["plot"] is not None:
        _write_plot(options["plot"], draw_simulation(scenario, simulation))
    if as_json:
        print_json(simulation_as_json(scenario, simulation))
        return
    for line in describe_simulation(scenario, simulation):
        click.echo(line)


def _build_scenario(settings: Settings, name: str, options: SimulateOptions) -> Scenario:
    reader = open_reader(settings)
    policy = policy_named(recall_databases(load_or_refuse(settings), reader), name)
    measured = _average_bytes(reader, policy)
    return Scenario(
        policy=policy,
        start=_find_start(options["start"], policy),
        days=options["days"],
        every=options["every"],
        outage=options["outage"],
        backup_bytes=measured or NOMINAL_BYTES,
        is_measured=measured is not None,
    )


def _find_start(given: str | None, policy: Policy) -> datetime:
    if given is not None:
        return parse_time(given, policy.timezone)
    local = system_clock().now().astimezone(policy.timezone)
    return local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)


def _average_bytes(reader: CatalogReader, policy: Policy) -> int | None:
    """Return what a backup of a policy's series stored on average, or None without any."""
    sizes = [backup.new_bytes for backup in reader.backups() if backup.series in policy.series]
    return sum(sizes) // len(sizes) if sizes else None


def simulate(scenario: Scenario) -> Simulation:
    """Return what a scenario comes to.

    Raises:
        UsageError: it has more backups than anybody can wait for.
    """
    attempts = list(islice(_attempts(scenario), MOST_BACKUPS + 1))
    if len(attempts) > MOST_BACKUPS:
        raise UsageError(
            f"that would be more than {MOST_BACKUPS:,} backups",
            next_step="simulate fewer days, or a longer --every",
        )
    policy, start = scenario.policy, scenario.start
    outage = scenario.outage and Outage(
        first=start + scenario.outage[0] * DAY, end=start + scenario.outage[1] * DAY
    )
    return simulate_retention(
        RetentionRules(retention=policy.retention, zone=policy.timezone),
        attempts=attempts,
        days=scenario.days,
        start=start,
        outage=outage,
        backup_bytes=scenario.backup_bytes,
    )


def _attempts(scenario: Scenario) -> Iterator[datetime]:
    """Yield when a backup is attempted; schedules that are due together share one."""
    policy, start = scenario.policy, scenario.start
    end = start + scenario.days * DAY
    if scenario.every is not None:
        # Not added up: the last addition would go beyond the end, and perhaps beyond all time.
        every, span = scenario.every, end - start
        yield from (start + number * every for number in range(ceil(span / every)))
        return
    slots = merge(
        *(
            slots_between(schedule.cron, policy.timezone, start - INSTANT, end - INSTANT)
            for schedule in policy.schedules
        )
    )
    yield from (at for at, _ in groupby(slots))


def _write_plot(path: Path, drawing: str) -> None:
    try:
        path.write_text(drawing, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"the plot could not be written to {path}: {error.strerror}",
            next_step="name a file in a folder that exists",
        ) from error
