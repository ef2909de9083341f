"""``status``: every promise of every policy, kept or broken."""

from collections.abc import Sequence

import click

from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option, not_supported_yet
from orchestrator.cli.rendering import format_utc, print_json, print_table
from orchestrator.model.observation import SeriesObservation
from orchestrator.planning.promises import Promise, assess_promises
from orchestrator.reconciler.observe import observe
from orchestrator.settings import Settings
from orchestrator.wiring import open_reader, system_clock, this_machine

Seen = tuple[SeriesObservation, Sequence[Promise]]


@click.command("status")
@not_supported_yet("--watch", takes_value=False)
@not_supported_yet("--check", takes_value=False)
@json_option
@click.pass_obj
def command(settings: Settings, *, as_json: bool) -> None:
    """Show every promise of every policy, kept or broken, and the last failed attempt."""
    desired = load_or_refuse(settings)
    seen = observe(desired, open_reader(settings), system_clock(), this_machine())
    assessed: list[Seen] = [
        (
            seen.series[series],
            assess_promises(
                policy,
                seen.series[series],
                schedules_since=seen.schedules_since,
                now=seen.now,
            ),
        )
        for policy in desired.policies.values()
        for series in policy.series
    ]
    if as_json:
        print_json({"version": 1, "series": [_document(*item) for item in assessed]})
    else:
        _print_status(assessed)


def _print_status(assessed: Sequence[Seen]) -> None:
    print_table(
        ("SERIES", "SCHEDULE", "PROMISE", "WHY"),
        [
            (
                str(promise.series),
                promise.schedule,
                "kept" if promise.is_kept else "BROKEN",
                promise.sentence,
            )
            for _, promises in assessed
            for promise in promises
        ],
    )
    for series, _ in assessed:
        if series.last_failure is not None:
            failure = series.last_failure
            cause = f": {failure.error}" if failure.error else ""
            click.echo(
                f"{series.series}: the last attempt, {format_utc(failure.started_at)},"
                f" {failure.state.value}{cause}"
            )


def _document(series: SeriesObservation, promises: Sequence[Promise]) -> dict[str, object]:
    newest, failure = series.newest, series.last_failure
    return {
        "policy": series.series.policy,
        "database": series.series.database,
        "backups": series.backups,
        "newest": None
        if newest is None
        else {
            "id": newest.id,
            "snapshot_at": format_utc(newest.snapshot_at),
            "level": newest.level.label if newest.level else None,
        },
        "last_failure": None
        if failure is None
        else {
            "run": failure.id,
            "started_at": format_utc(failure.started_at),
            "code": failure.error.code if failure.error else None,
            "what": failure.error.what if failure.error else None,
        },
        "promises": [
            {
                "schedule": promise.schedule,
                "kept": promise.is_kept,
                "broken_since": format_utc(promise.broken_since) if promise.broken_since else None,
                "next_slot": format_utc(promise.next_slot),
                "sentence": promise.sentence,
            }
            for promise in promises
        ],
    }
