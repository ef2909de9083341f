"""``prune``: a pass that tidies up and takes no backup, or every copy with its reason."""

from collections.abc import Iterator, Sequence

import click

from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.outcomes import (
    delivery_as_json,
    exit_code_of,
    outcome_as_json,
    print_outcomes,
)
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json, printable
from orchestrator.execution.prune.look import look_around, view_series
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.policy import DesiredState
from orchestrator.planning.pruning.verdicts import PruneDecision, Verdict
from orchestrator.planning.upkeep.view import PlaceDecision, decide_place
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.clock import Clock
from orchestrator.reconciler.cycle import PassResult, prune_pass
from orchestrator.reconciler.renames import read_renamed
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution, open_reader, system_clock

Row = tuple[Series, DestinationName, BackupId, str, str]


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Show every copy and why; write nothing.")
@click.option(
    "--allow-prune",
    metavar="N",
    type=click.IntRange(min=0),
    default=0,
    help="Let N copies go beyond what normal ageing explains.",
)
@json_option
@click.pass_obj
def command(settings: Settings, *, dry_run: bool, allow_prune: int, as_json: bool) -> int:
    """Remove the copies that no rule keeps any more, and what nothing names, as `apply` would.

    No backup is taken. With --dry-run nothing is written at all.
    """
    desired = load_or_refuse(settings)
    if dry_run:
        reader = read_renamed(desired, open_reader(settings))
        rows = list(_explain(desired, reader, system_clock(), allow_prune))
        _print_rows(rows, as_json=as_json)
        return 0
    execution = build_execution(settings, desired, terminal_progress())
    result = prune_pass(execution, allow_prune=allow_prune)
    if as_json:
        print_json(_document(result))
    else:
        _print_result(result)
    return exit_code_of(result.outcomes)


def _explain(
    desired: DesiredState, reader: CatalogReader, clock: Clock, allowed: int
) -> Iterator[Row]:
    around = look_around(reader, clock.now())
    for policy in desired.policies.values():
        for series in policy.series:
            history = reader.histories([series])[series]
            view = view_series(policy, series, around, backups=history.backups, history=history)
            for destination in policy.destinations:
                decision = decide_place(view, destination, allowed=allowed)
                allowed -= decision.pruning.used
                yield from _rows_of(series, decision)


def _rows_of(series: Series, decision: PlaceDecision) -> Iterator[Row]:
    verdicts = {one.copy.id: one for one in decision.pruning.decisions}
    for backup, kept in decision.kept.items():
        word, why = _say(verdicts.get(backup), kept.sentence, is_kept=kept.is_kept)
        yield series, decision.destination, backup, word, why


def _say(one: PruneDecision | None, sentence: str, *, is_kept: bool) -> tuple[str, str]:
    if is_kept:
        return "keep", sentence
    if one is None:
        return "refused", f"{sentence}; the destination refused to let go less than a day ago"
    words = {Verdict.PRUNE: "prune", Verdict.WAITS: "expired", Verdict.TOMORROW: "expired"}
    return words.get(one.verdict, "refused"), f"{sentence}; {one.reason}"


def _print_rows(rows: Sequence[Row], *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "version": 1,
                "copies": [
                    {
                        "policy": series.policy,
                        "database": series.database,
                        "destination": destination,
                        "backup": backup,
                        "decision": word,
                        "reason": why,
                    }
                    for series, destination, backup, word, why in rows
                ],
            }
        )
        return
    for series, destination, backup, word, why in rows:
        click.echo(printable(f"{word:<7}  {series} at {destination}: {backup}: {why}"))
    pruned = sum(word == "prune" for *_, word, _ in rows)
    click.echo(f"{len(rows)} copies, {pruned} would be pruned now; nothing was written")


def _print_result(result: PassResult) -> None:
    print_outcomes(result.outcomes, result.deliveries)
    if not result.outcomes:
        click.echo("nothing to prune now")
    for skipped in result.plan.skipped:
        click.echo(printable(f"  {skipped.series}: {skipped.kind.value}: {skipped.reason}"))


def _document(result: PassResult) -> dict[str, object]:
    return {
        "version": 1,
        "outcomes": [outcome_as_json(outcome) for outcome in result.outcomes],
        "alerts": [delivery_as_json(delivery) for delivery in result.deliveries],
    }
