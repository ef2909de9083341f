"""Telling somebody that the catalog itself is broken or full (design §9).

Without it no run can start, so no run can fail; nobody would be told, and every promise would break
in silence. There is no outbox then either: the channels are told directly, once and then as often
as they want to be reminded, as far as that can be remembered.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from orchestrator.errors import CatalogError
from orchestrator.execution.deliver_outbox import send_safely
from orchestrator.execution.error_report import report_of
from orchestrator.model.alert import Alert, AlertKind, Cause, Delivery, DeliveryState, Trouble
from orchestrator.model.policy import DesiredState, Event
from orchestrator.planning.alerting.causes import CATALOG
from orchestrator.planning.alerting.routes import Notice, route_troubles
from orchestrator.planning.alerting.subjects import shorten_failure
from orchestrator.ports.alerts import AlertSender
from orchestrator.ports.direct_notes import DirectNotes

CAUSE = Cause(Event.FAILED, CATALOG)

NOT_KNOWN = "unknown: the catalog cannot be used; no backup of any policy is taken"


def tell_without_catalog(
    error: CatalogError,
    desired: DesiredState,
    sender: AlertSender,
    *,
    notes: DirectNotes,
    now: datetime,
) -> tuple[Delivery, ...]:
    """Send the error directly to every channel that failures are routed to, once each.

    Nothing is sent again before the shortest ``remind_every`` of these routes has passed.
    """
    notices = list(route_troubles([catalog_trouble(error, desired, now)], desired).values())
    told_at = notes.told_at()
    if not notices or (told_at is not None and not _is_due(notices, told_at, now)):
        return ()
    kind = AlertKind.OPENED if told_at is None else AlertKind.REMINDER
    deliveries = tuple(
        send_safely(
            sender, _alert_of(notice, kind, told_at or now, now), desired.channels[notice.channel]
        )
        for notice in notices
    )
    if any(delivery.state is DeliveryState.SENT for delivery in deliveries):
        notes.note(now)
    return deliveries


def catalog_trouble(error: CatalogError, desired: DesiredState, now: datetime) -> Trouble:
    """Return what is wrong: it hits every series, because nothing is taken of any."""
    series = tuple(sorted(one for policy in desired.policies.values() for one in policy.series))
    return Trouble(
        cause=CAUSE,
        series=series,
        short=shorten_failure(error.what, CAUSE, series[0]) if series else None,
        since=now,
        error=report_of(error),
        next_command="orchestrator status",
    )


def _is_due(notices: Sequence[Notice], told_at: datetime, now: datetime) -> bool:
    since_told = now - told_at
    shortest = min(notice.remind_every for notice in notices)
    return since_told >= shortest or since_told < timedelta(0)


def _alert_of(notice: Notice, kind: AlertKind, since: datetime, now: datetime) -> Alert:
    trouble = notice.trouble
    return Alert(
        kind=kind,
        cause=trouble.cause,
        series=trouble.series,
        at=now,
        since=since,
        error=trouble.error,
        last_good=dict.fromkeys(trouble.series[:1], NOT_KNOWN),
        next_command=trouble.next_command,
        short=trouble.short,
    )
