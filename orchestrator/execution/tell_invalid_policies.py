"""Telling somebody that the policy files cannot be used, when no revision of them is in force.

A loop goes on with the last good revision and tells its channels. A single pass has nothing to go
on with: the URLs of channels are secrets and stand in no catalog. It tells the one channel that
does not depend on the files, through the outbox, so that a timer that fails every ten minutes is
told of once, and of its recovery once.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_outbox import deliver_outbox
from orchestrator.model.alert import Delivery
from orchestrator.model.observation import Observation
from orchestrator.model.policy import DesiredState, Event, Revision
from orchestrator.planning.alerting import Findings, Followed, find_troubles, follow_incidents

NO_POLICIES = DesiredState(
    policies={},
    destinations={},
    channels={},
    max_parallel=1,
    revision=Revision(digest="", git_commit=None),
)
"""What is in force while no file can be used."""


def tell_invalid_policies(problems: Sequence[str], execution: Execution) -> tuple[Delivery, ...]:
    """Open the incident of the files, or remind of it, at the fallback channel, and send it.

    Incidents of everything else are left alone: nothing is known of them now.

    Raises:
        CatalogError: the catalog cannot be used.
    """
    if execution.fallback is None:
        return ()
    changes = follow_incidents(_followed(problems, execution, execution.clock.now()))
    if changes:
        execution.writer.record_incidents(changes)
    waiting = {message.channel for message in execution.reader.undelivered()}
    return deliver_outbox(execution, at_once=True, sparing=waiting - {execution.fallback.name})


def _followed(problems: Sequence[str], execution: Execution, now: datetime) -> Followed:
    fallback = execution.fallback.name if execution.fallback else None
    seen = Observation(now=now, series={}, schedules_since={}, applied_revision=None)
    known = execution.reader.incidents()
    whole = Followed(
        desired=NO_POLICIES,
        seen=seen,
        troubles=find_troubles(NO_POLICIES, seen, Findings(problems=problems)),
        known=[
            incident
            for incident in known
            if incident.cause.event is Event.POLICY_INVALID and incident.channel == fallback
        ],
        fallback=fallback,
    )
    waiting = {(message.about, message.channel) for message in execution.reader.undelivered()}
    return replace(whole, waiting=waiting)
