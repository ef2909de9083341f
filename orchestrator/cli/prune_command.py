"""``prune``: a pass that tidies up and takes no backup, or every copy with its reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import click

from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import allow_prune_option, json_option
from orchestrator.cli.outcomes import (
    delivery_as_json,
    exit_code_of,
    outcome_as_json,
    print_outcomes,
)
from orchestrator.cli.progress import terminal_progress
from orchestrator.cli.rendering import print_json, printable
from orchestrator.cli.retention.explain import say_retired
from orchestrator.execution.find_databases import recall_databases
from orchestrator.execution.prune.look import look_around, view_series
from orchestrator.execution.prune.retired import retired_among
from orchestrator.model.actions import PruneCopy
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.plan import Plan, SkipKind
from orchestrator.model.policy import DesiredState
from orchestrator.planning.planner import make_plan
from orchestrator.planning.pruning.verdicts import PruneDecision, Verdict
from orchestrator.planning.upkeep.view import PlaceDecision, decide_place
from orchestrator.ports.catalog import CatalogReader
from orchestrator.reconciler.applying.renames import read_renamed
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.passes import PassResult, prune_pass
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution, open_reader, system_clock, this_machine

Row = tuple[Series, DestinationName, BackupId, str, str]


@click.command("prune")
@click.option("--dry-run", is_flag=True, help="Show every copy and why; write nothing.")
@allow_prune_option
@json_option
@click.pass_obj
def command(settings: Settings, *, dry_run: bool, allow_prune: int, as_json: bool) -> int:
    """Remove the copies that no rule keeps any more, and what nothing names, as `apply` would.

    No backup is taken. With --dry-run nothing is written at all.
    """
    desired = load_or_refuse(settings)
    if dry_run:
        rows = list(_explain(desired, settings, allow_prune))
        _print_rows(rows, as_json=as_json)
        return 0
    execution = build_execution(settings, desired, terminal_progress())
    result = prune_pass(execution, allow_prune=allow_prune)
    if as_json:
        print_json(_document(result))
    else:
        _print_result(result)
    return exit_code_of(result.outcomes)


def _explain(desired: DesiredState, settings: Settings, allowed: int) -> Iterator[Row]:
    """Yield every copy with what the plan does with it: what `prune` would do is what is shown."""
    catalog, clock = open_reader(settings), system_clock()
    desired = recall_databases(desired, catalog)
    reader = read_renamed(desired, catalog)
    seen = observe(desired, reader, clock, this_machine(), allow_prune=allowed)
    plan = make_plan(desired, seen)
    around = look_around(reader, seen.now)
    for policy in desired.policies.values():
        for series in policy.series:
            history = reader.histories([series])[series]
            view = view_series(policy, series, around, backups=history.backups, history=history)
            for destination in policy.destinations:
                decision = decide_place(view, destination, allowed=allowed)
                yield from _rows_of(decision, _Planned.of(plan, series, destination))
    yield from _retired(desired, reader)


def _retired(desired: DesiredState, reader: CatalogReader) -> Iterator[Row]:
    """Yield the copies of series that no policy declares: they are kept, whatever their age."""
    known = (record.series for record in reader.series_records())
    for series in sorted(retired_among(known, desired)):
        for backup in reader.backups(series):
            for copy in backup.copies:
                yield series, copy.destination, backup.id, "keep", say_retired(series)


@dataclass(frozen=True, slots=True)
class _Planned:
    """What a plan holds for one series at one destination."""

    series: Series
    prunes: Mapping[BackupId, PruneCopy]
    left_alone: str | None
    """Why the series is left alone, whatever the rules say."""

    @classmethod
    def of(cls, plan: Plan, series: Series, destination: DestinationName) -> "_Planned":
        prunes = {
            action.backup: action
            for action in plan.actions
            if isinstance(action, PruneCopy)
            and (action.series, action.destination) == (series, destination)
        }
        left_alone = (
            skip.reason
            for skip in plan.skipped
            if skip.series == series and skip.kind in {SkipKind.PAUSED, SkipKind.LOCKED}
        )
        return cls(series=series, prunes=prunes, left_alone=next(left_alone, None))


def _rows_of(decision: PlaceDecision, planned: _Planned) -> Iterator[Row]:
    place = planned.series, decision.destination
    for backup, action in planned.prunes.items():
        if backup not in decision.kept:
            yield *place, backup, "prune", action.reason
    verdicts = {one.copy.id: one for one in decision.pruning.decisions}
    for backup, kept in decision.kept.items():
        word, why = _say(verdicts.get(backup), kept.sentence, is_kept=kept.is_kept)
        if word == "prune" and backup not in planned.prunes:
            word, why = "refused", f"{why}; {planned.left_alone or 'as many as were allowed go'}"
        yield *place, backup, word, why


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
