"""Telling somebody that the catalog itself is broken or full (design §9).

Without it no run can start, so no run can fail; nobody would be told, and every promise would break
in silence. Each channel that hears of failures is told once, whatever the number of its policies.
"""

from collections.abc import Iterator
from datetime import datetime

from orchestrator.errors import CatalogError
from orchestrator.execution.error_report import report_of
from orchestrator.model.alert import Alert, Delivery
from orchestrator.model.names import ChannelName, Series
from orchestrator.model.policy import DesiredState, Event
from orchestrator.ports.alerts import AlertSender


def tell_without_catalog(
    error: CatalogError, desired: DesiredState, sender: AlertSender, *, now: datetime
) -> tuple[Delivery, ...]:
    """Send the error directly to every channel that failures are routed to, once each."""
    return tuple(
        sender.send(_alert_of(error, series, now), desired.channels[channel])
        for channel, series in dict(_first_series_by_channel(desired)).items()
    )


def _first_series_by_channel(desired: DesiredState) -> Iterator[tuple[ChannelName, Series]]:
    # In reverse, because of equal keys the last one counts.
    for _, policy in sorted(desired.policies.items(), reverse=True):
        for route in policy.alerts:
            if Event.FAILED in route.on:
                yield route.to, policy.series[0]


def _alert_of(error: CatalogError, series: Series, now: datetime) -> Alert:
    return Alert(
        event=Event.FAILED,
        series=series,
        at=now,
        error=report_of(error),
        last_good="unknown: the catalog cannot be used; no backup of any policy is taken",
        next_command="orchestrator status",
    )
