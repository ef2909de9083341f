"""What came of a pass: printed, as JSON, and as an exit code."""

from collections.abc import Sequence

import click

from orchestrator.cli.exit_codes import ExitCode, code_of_kinds
from orchestrator.cli.rendering import printable
from orchestrator.errors import AlertNotDeliveredError, Kind
from orchestrator.model.actions import Action
from orchestrator.model.alert import Delivery, DeliveryState
from orchestrator.model.outcome import Failed, NotNeeded, Outcome, Succeeded
from orchestrator.planning.explain import KINDS


def exit_code_of(outcomes: Sequence[Outcome]) -> ExitCode:
    """Return the exit code of a pass: 0 only if nothing failed and no backup is suspicious.

    One kind of failure keeps its own code; several kinds, or a plain failure beside a success, are
    partly done. So is a pass with a suspicious backup: it was taken, but somebody must look at it.
    """
    kinds = {outcome.kind for outcome in outcomes if isinstance(outcome, Failed)}
    if not kinds:
        suspicious = any(_is_suspicious(outcome) for outcome in outcomes)
        return ExitCode.PARTLY_DONE if suspicious else ExitCode.DONE
    some_done = any(not isinstance(outcome, Failed) for outcome in outcomes)
    if some_done and kinds == {Kind.FAILED}:
        return ExitCode.PARTLY_DONE
    return code_of_kinds(kinds)


def print_outcomes(outcomes: Sequence[Outcome], deliveries: Sequence[Delivery]) -> None:
    """Print what was done to stdout, and failures, warnings and dead channels to stderr."""
    for outcome in outcomes:
        _print_outcome(outcome)
    print_deliveries(deliveries)


def print_deliveries(deliveries: Sequence[Delivery]) -> None:
    """Print to stderr which channels were told, and which could not be."""
    for delivery in deliveries:
        if delivery.state is DeliveryState.SENT:
            click.echo(f"alert sent to {delivery.channel}", err=True)
        else:
            code = AlertNotDeliveredError.code
            text = f"alert NOT delivered to {delivery.channel}: {delivery.answer} [{code}]"
            click.echo(printable(text), err=True)


def outcome_as_json(outcome: Outcome) -> dict[str, object]:
    """Return an outcome as a JSON document."""
    document: dict[str, object] = {
        "kind": name_of(outcome.action),
        "policy": outcome.action.series.policy,
        "database": outcome.action.series.database,
    }
    match outcome:
        case Succeeded():
            backup = outcome.backup.id if outcome.backup else None
            warnings = list(outcome.warnings)
            return {
                **document,
                "outcome": "succeeded",
                "backup": backup,
                "suspicious": _is_suspicious(outcome),
                "warnings": warnings,
            }
        case NotNeeded():
            return {**document, "outcome": "not_needed", "reason": outcome.summary}
        case Failed():
            error = outcome.error
            return {
                **document,
                "outcome": "failed",
                "error": {"code": error.code, "what": error.what, "next_step": error.next_step},
            }


def delivery_as_json(delivery: Delivery) -> dict[str, object]:
    """Return what came of an alert on one channel as a JSON document."""
    return {
        "channel": delivery.channel,
        "state": delivery.state.value,
        "answer": delivery.answer,
    }


def name_of(action: Action) -> str:
    """Return the stable name of an action's kind, as in ``plan --json``."""
    return KINDS[type(action)]


def _is_suspicious(outcome: Outcome) -> bool:
    backup = outcome.backup if isinstance(outcome, Succeeded) else None
    return backup is not None and backup.is_suspicious


def _print_outcome(outcome: Outcome) -> None:
    match outcome:
        case Succeeded():
            click.echo(printable(f"done    {outcome.action.series}: {outcome.summary}"))
            for proof in outcome.verifications:
                click.echo(f"        proved to {proof.level.label} at {proof.destination}")
            for warning in outcome.warnings:
                click.echo(printable(f"warning: {outcome.action.series}: {warning}"), err=True)
        case NotNeeded():
            click.echo(printable(f"nothing {outcome.action.series}: {outcome.summary}"))
        case Failed():
            click.echo(printable(f"FAILED  {outcome.action.series}: {outcome.error}"), err=True)
            click.echo(printable(f"        {outcome.error.next_step}"), err=True)
