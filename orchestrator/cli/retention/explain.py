"""``retention explain``: the rule that keeps a backup at each destination, or would remove it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import click

from orchestrator.cli.backup_reference import find_backup
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.rendering import format_utc, print_json, printable
from orchestrator.execution.find_databases import recall_databases
from orchestrator.model.backup import Backup
from orchestrator.model.names import DestinationName, Series
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.planning.phrases import say_time
from orchestrator.planning.retention import decide_retention
from orchestrator.planning.retention.copies import RetentionRules, find_copy
from orchestrator.planning.retention.decide import CopyDecision
from orchestrator.ports.catalog import CatalogReader
from orchestrator.reconciler.applying.renames import read_renamed
from orchestrator.settings import Settings
from orchestrator.wiring import open_reader, system_clock


@dataclass(frozen=True, slots=True)
class Place:
    """One destination: the decision about the copy there, or why there is none.

    ``marked_at`` is when a pass marked it as expired, ``goes_at`` the end of its ``prune_delay``.
    One ``is_beyond`` normal ageing waits for `apply --allow-prune` after that.
    """

    destination: DestinationName
    decision: CopyDecision | None
    otherwise: str
    marked_at: datetime | None = None
    goes_at: datetime | None = None
    is_beyond: bool = False


@click.command("explain")
@click.argument("reference", metavar="BACKUP")
@click.option("--policy", help="Only backups of this policy.")
@click.option("--database", help="Only backups of this database.")
@json_option
@click.pass_obj
def explain_command(
    settings: Settings,
    *,
    reference: str,
    policy: str | None,
    database: str | None,
    as_json: bool,
) -> None:
    """Name the rules that keep a backup at each destination, or say why none does."""
    catalog = open_reader(settings)
    desired = recall_databases(load_or_refuse(settings), catalog)
    reader = read_renamed(desired, catalog)
    backup = find_backup(reader, reference, policy=policy, database=database, desired=desired)
    places = list(explain_places(backup, reader, desired, system_clock().now()))
    if as_json:
        print_json(_document(backup, places))
    else:
        _print_places(backup, places)


def explain_places(
    backup: Backup, reader: CatalogReader, desired: DesiredState, now: datetime
) -> Iterator[Place]:
    """Yield every destination of a backup's policy, then those that only its copies name."""
    policy = desired.policies.get(backup.series.policy)
    held_at = [copy.destination for copy in backup.copies]
    if policy is None or backup.series not in policy.series:
        why = f"kept: {say_retired(backup.series)}"
        yield from (Place(destination, None, why) for destination in held_at)
        return
    of_series = reader.backups(backup.series)
    for destination in dict.fromkeys((*policy.destinations, *held_at)):
        yield _explain_place(backup, destination, of_series=of_series, policy=policy, now=now)


def say_retired(series: Series) -> str:
    """Return why the copies of a series stay that no policy file declares."""
    return f"no policy declares {series} any more, and nothing is pruned for that"


def _explain_place(
    backup: Backup,
    destination: DestinationName,
    *,
    of_series: Sequence[Backup],
    policy: Policy,
    now: datetime,
) -> Place:
    copy = find_copy(backup, destination)
    if copy is None:
        return Place(destination, None, "no copy here")
    if destination not in policy.destinations:
        why = "kept: the policy does not name this destination any more"
        return Place(destination, None, why)
    rules = RetentionRules(retention=policy.retention, zone=policy.timezone)
    decisions = decide_retention(of_series, destination=destination, rules=rules, now=now)
    marked_at = copy.expired_at
    goes_at = None if marked_at is None else marked_at + policy.retention.prune_delay
    decision = decisions.get(backup.id)
    is_beyond = marked_at is not None and copy.beyond_normal_ageing
    return Place(destination, decision, "its removal has begun", marked_at, goes_at, is_beyond)


def _print_places(backup: Backup, places: Sequence[Place]) -> None:
    click.echo(printable(f"{backup.id} of {backup.series}"))
    for place in places:
        click.echo(printable(f"{place.destination}: {_headline(place)}"))
        if place.decision is not None:
            for line in (*_lines(place.decision), *_say_mark(place)):
                click.echo(printable(f"  {line}"))


def _headline(place: Place) -> str:
    if place.decision is None:
        return place.otherwise
    return "kept" if place.decision.is_kept else "expired"


def _lines(decision: CopyDecision) -> Sequence[str]:
    if decision.is_kept:
        return [reason.sentence for reason in decision.reasons]
    return decision.sentence.split("; ")


def _say_mark(place: Place) -> Iterator[str]:
    """Yield what becomes of a copy by its mark: the first of the two steps of pruning."""
    if place.decision is None:
        return
    if place.decision.is_kept:
        if place.marked_at is not None:
            yield f"it was marked as expired at {say_time(place.marked_at)}: the next pass takes that back"
    elif place.marked_at is None or place.goes_at is None:
        yield "not marked as expired yet: the next pass does that, and prune_delay begins"
    else:
        since, end = say_time(place.marked_at), say_time(place.goes_at)
        yield f"marked as expired since {since}: {_say_end(place, end)}"


def _say_end(place: Place, end: str) -> str:
    if place.is_beyond:
        return (
            f"more expired then than normal ageing explains, so that after {end} it waits for"
            " `orchestrator apply --allow-prune N`"
        )
    return (
        f"pruned after {end}, unless something forbids it"
        " (`orchestrator prune --dry-run` says what)"
    )


def _document(backup: Backup, places: Sequence[Place]) -> dict[str, object]:
    return {
        "version": 1,
        "backup": backup.id,
        "policy": backup.series.policy,
        "database": backup.series.database,
        "destinations": [_place_document(place) for place in places],
    }


def _place_document(place: Place) -> dict[str, object]:
    decision = place.decision
    if decision is None:
        return {"destination": place.destination, "state": None, "sentence": place.otherwise}
    since = decision.expiry.since if decision.expiry else None
    return {
        "destination": place.destination,
        "state": "kept" if decision.is_kept else "expired",
        "since": format_utc(since) if since else None,
        "marked_at": format_utc(place.marked_at) if place.marked_at else None,
        "prune_not_before": format_utc(place.goes_at) if place.goes_at else None,
        "reasons": [
            {"label": reason.label, "bucket": reason.bucket, "sentence": reason.sentence}
            for reason in decision.reasons
        ],
        "sentence": decision.sentence,
    }
