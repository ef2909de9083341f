"""``status``: every promise of every policy, kept or broken."""

from collections.abc import Mapping, Sequence

import click

from orchestrator.cli.backup_document import marks_as_json
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.marks import sentences_of_marks
from orchestrator.cli.options import json_option, not_supported_yet
from orchestrator.cli.rendering import format_utc, print_json, print_table, printable
from orchestrator.execution.prune.retired import count_retired
from orchestrator.model.names import Series
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
    reader = open_reader(settings)
    seen = observe(desired, reader, system_clock(), this_machine())
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
    retired = count_retired(reader, desired)
    if as_json:
        print_json(
            {
                "version": 1,
                "series": [_document(*item) for item in assessed],
                "retired": [
                    {"policy": one.policy, "database": one.database, "backups": number}
                    for one, number in retired.items()
                ],
            }
        )
    else:
        _print_status(assessed)
        _print_retired(retired)


def _print_retired(retired: Mapping[Series, int]) -> None:
    for series, number in retired.items():
        click.echo(
            printable(
                f"{series}: retired: no policy file names it; its {number} backups are kept"
                f" (`orchestrator erase {series}` removes them for good)"
            )
        )


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
        _print_marked(series)
        for skipped in series.upkeep.skipped:
            kind = skipped.kind.value.replace("_", " ")
            click.echo(printable(f"{skipped.series}: {kind}: {skipped.reason}"))


def _print_marked(series: SeriesObservation) -> None:
    for backup in series.marked:
        for name, text in sentences_of_marks(backup):
            click.echo(printable(f"{series.series}: {backup.id}: {name}: {text}"))
        if backup.is_suspicious:
            click.echo(f"  look at it, then: orchestrator acknowledge {backup.id} --reason …")


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
        "pruning": [
            {"kind": skipped.kind.value, "reason": skipped.reason}
            for skipped in series.upkeep.skipped
        ],
        "marked": [{"id": backup.id, **marks_as_json(backup)} for backup in series.marked],
        "paused_until": format_utc(series.pause.until) if series.pause else None,
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
