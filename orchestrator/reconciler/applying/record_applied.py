"""Remembering what is in force, so that the next plan can say what changed since."""

from collections.abc import Mapping, Sequence

from orchestrator.execution.context import Execution
from orchestrator.model.names import PolicyName
from orchestrator.model.observation import Observation
from orchestrator.model.plan import PolicyChange
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.planning.changes.explain import say_change
from orchestrator.ports.catalog import AppliedSchedule
from orchestrator.reconciler.applying.changes import documents_of

CHANGES_LOGGED = 50
"""How many changed policies a log entry names; the others are counted."""


def record_applied(
    seen: Observation,
    changes: Sequence[PolicyChange],
    execution: Execution,
    *,
    waiting: Mapping[PolicyName, PolicyName],
) -> None:
    """Make the policies the applied ones, and log what changed, unless they are already.

    Those that are ``waiting`` for their former name's backups stay in force under that name.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    desired = execution.desired
    schedules = applied_schedules(desired, seen)
    forms = {(one.policy, one.schedule, one.cron, one.timezone): one.since for one in schedules}
    known = {one for one in execution.reader.applied_policies() if one.in_force}
    former = {*waiting.values()}
    policies = (
        *(one for one in documents_of(desired) if one.name not in waiting),
        *(one for one in known if one.name in former),
    )
    is_known = seen.applied_revision == desired.revision.digest and known == {*policies}
    if is_known and seen.schedules_since == forms:
        return
    entry = execution.log_entry(
        LogAction.APPLY, "policies", LogOutcome.SUCCEEDED, _detail(desired, changes)
    )
    execution.writer.record_applied(desired.revision, schedules, entry, policies=policies)


def applied_schedules(desired: DesiredState, seen: Observation) -> tuple[AppliedSchedule, ...]:
    """Return every schedule of the policies, and since when it is in force in its present form.

    A new or edited schedule is in force from now on; it never fires for the past (design §7).
    """
    schedules = (
        (policy.name, schedule.name, schedule.cron, str(policy.timezone))
        for policy in desired.policies.values()
        for schedule in policy.schedules
    )
    return tuple(
        AppliedSchedule(
            policy=form[0],
            schedule=form[1],
            cron=form[2],
            timezone=form[3],
            # One that was applied in the future was so by a clock that has been set back since.
            since=min(seen.schedules_since.get(form, seen.now), seen.now),
        )
        for form in schedules
    )


def _detail(desired: DesiredState, changes: Sequence[PolicyChange]) -> dict[str, str]:
    revision = desired.revision
    said = {change.policy: say_change(change) for change in changes[:CHANGES_LOGGED]}
    more = len(changes) - len(said)
    return {
        "revision": revision.digest,
        "git_commit": revision.git_commit or "none",
        **{f"change of {policy}": sentence for policy, sentence in said.items()},
        **({"more changes": str(more)} if more > 0 else {}),
    }
