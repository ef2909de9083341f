"""A plan as readable lines and as JSON: the same value that `apply` executes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

from orchestrator.model.actions import (
    Action,
    CollectChunks,
    KeepAgain,
    MarkExpired,
    PruneCopy,
    RecoverSeries,
    TakeBackup,
    Upkeep,
    VerifyCopy,
)
from orchestrator.model.backup import Slot
from orchestrator.model.plan import Plan, Skipped, Timetable
from orchestrator.planning.changes.explain import (
    changes_as_json,
    explain_changes,
    explain_retired,
    retired_as_json,
)
from orchestrator.planning.phrases import say_time

PLAN_JSON_VERSION = 1
DIGEST_SHOWN = 12
KINDS: Mapping[type[Action], str] = {
    RecoverSeries: "recover_series",
    TakeBackup: "take_backup",
    VerifyCopy: "verify_copy",
    MarkExpired: "mark_expired",
    KeepAgain: "keep_again",
    PruneCopy: "prune_copy",
    CollectChunks: "collect_chunks",
}
"""The stable name of each kind of action, in every JSON document."""

Document = dict[str, object]
"""What `json.dumps` takes: text, numbers, truth values, lists and such dictionaries."""


# ------------------------------------------------------------------ for people
def explain_plan(plan: Plan) -> Sequence[str]:
    """Return a plan as plain lines: what is done and why, what not and why, and what comes next."""
    return [
        *_explain_head(plan),
        "",
        *explain_changes(plan.changes),
        *_explain_actions(plan.actions),
        "",
        *_explain_skipped(plan.skipped),
        "",
        *explain_retired(plan.retired),
        *_explain_timetables(plan.timetables),
    ]


def _explain_head(plan: Plan) -> Iterator[str]:
    revision = plan.revision
    commit = f" (git {revision.git_commit[:DIGEST_SHOWN]})" if revision.git_commit else ""
    change = "new: not applied yet" if plan.revision_is_new else "applied already"
    yield f"Plan as of {say_time(plan.observed_at)}"
    yield f"Policies: revision {revision.digest[:DIGEST_SHOWN]}{commit}, {change}"


def _explain_actions(actions: Sequence[Action]) -> Iterator[str]:
    if not actions:
        yield "Nothing to do."
        return
    yield "To do:"
    for number, action in enumerate(actions, start=1):
        yield f"  {number}. {describe_action(action)}"
        yield f"     because {action.reason}"


def describe_action(action: Action) -> str:
    """Return in one phrase what an action does, to what."""
    match action:
        case RecoverSeries():
            return f"recover {action.series} from run {action.abandoned.run}"
        case VerifyCopy():
            return (
                f"verify the copy of {action.backup} of {action.series} at {action.destination}"
                f" to {action.level.label}"
            )
        case TakeBackup():
            return (
                f"take a backup of {action.series} to {', '.join(action.destinations)}"
                f" and verify it to {action.verify_to.label}"
            )
        case MarkExpired() | KeepAgain() | PruneCopy() | CollectChunks():
            return _describe_upkeep(action)


def _describe_upkeep(action: Upkeep) -> str:
    match action:
        case MarkExpired():
            return (
                f"mark {_copies(action)} as expired{_say_beyond(len(action.beyond_normal_ageing))}"
            )
        case KeepAgain():
            return f"keep {_copies(action)} again"
        case PruneCopy():
            return f"prune the copy of {action.backup} of {action.series} at {action.destination}"
        case CollectChunks():
            return f"collect what nothing names of {action.series} at {action.destination}"


def _copies(action: MarkExpired | KeepAgain) -> str:
    number = "1 copy" if len(action.backups) == 1 else f"{len(action.backups)} copies"
    return f"{number} of {action.series} at {action.destination}"


def _say_beyond(number: int) -> str:
    """Say how many copies will not go by themselves: nobody should learn that a day later."""
    if not number:
        return ""
    which = "which waits" if number == 1 else f"{number} of which wait"
    return f", {which} for `orchestrator apply --allow-prune {number}`"


def _explain_skipped(skipped: Sequence[Skipped]) -> Iterator[str]:
    if not skipped:
        yield "Nothing is left alone."
        return
    yield "Not done:"
    for skip in skipped:
        yield f"  {skip.series}: {skip.kind.value.replace('_', ' ')}: {skip.reason}"


def _explain_timetables(timetables: Sequence[Timetable]) -> Iterator[str]:
    yield "Next slots:"
    for timetable in timetables:
        yield f"  {timetable.series} ({timetable.zone})"
        width = max((len(slot.schedule) for slot in timetable.next_slots), default=0)
        for slot in timetable.next_slots:
            local = slot.at.astimezone(timetable.zone)
            clock = f"{local:%a} {local.isoformat(sep=' ', timespec='minutes')}"
            yield f"    {slot.schedule:<{width}}  {clock}  {say_time(slot.at)}"
        if not timetable.next_slots:
            yield "    none"


# ------------------------------------------------------------------ for programs
def plan_as_json(plan: Plan) -> Document:
    """Return a plan as a JSON-able dictionary, version 1.

    Times under ``utc`` and ``*_at`` are ``2026-03-29T01:00:00Z``; under ``local`` they have the
    offset of the policy's zone.
    """
    return {
        "version": PLAN_JSON_VERSION,
        "observed_at": _utc(plan.observed_at),
        "revision": {
            "digest": plan.revision.digest,
            "git_commit": plan.revision.git_commit,
            "is_new": plan.revision_is_new,
        },
        "changes": changes_as_json(plan.changes),
        "retired": retired_as_json(plan.retired),
        "policies": _policies_as_json(plan.timetables),
        "actions": [_action_as_json(action) for action in plan.actions],
        "skipped": [
            {
                "kind": skip.kind.value,
                "policy": skip.series.policy,
                "database": skip.series.database,
                "reason": skip.reason,
                **({"until": _utc(skip.until)} if skip.until is not None else {}),
            }
            for skip in plan.skipped
        ],
    }


def _policies_as_json(timetables: Sequence[Timetable]) -> Sequence[Document]:
    by_policy = groupby(timetables, key=lambda timetable: timetable.series.policy)
    grouped = [(policy, list(group)) for policy, group in by_policy]
    return [
        {
            "name": policy,
            "timezone": str(group[0].zone),
            "databases": [
                {
                    "name": timetable.series.database,
                    "next_slots": [
                        _next_slot_as_json(slot, timetable) for slot in timetable.next_slots
                    ],
                }
                for timetable in group
            ],
        }
        for policy, group in grouped
    ]


def _next_slot_as_json(slot: Slot, timetable: Timetable) -> Document:
    local = slot.at.astimezone(timetable.zone).isoformat()
    return {"schedule": slot.schedule, "utc": _utc(slot.at), "local": local}


def _action_as_json(action: Action) -> Document:
    return {
        "kind": _kind(action),
        "policy": action.series.policy,
        "database": action.series.database,
        "reason": action.reason,
        **_particulars(action),
    }


def _kind(action: Action) -> str:
    return KINDS[type(action)]


def _particulars(action: Action) -> Mapping[str, object]:
    match action:
        case RecoverSeries():
            return {
                "run": action.abandoned.run,
                "fence": action.abandoned.fence,
                "expires_at": _utc(action.abandoned.expires_at),
            }
        case VerifyCopy():
            return {
                "backup": action.backup,
                "destination": action.destination,
                "level": action.level.label,
            }
        case TakeBackup():
            slots = action.run_reason.slots
            return {
                "trigger": action.run_reason.trigger.value,
                "slots": [{"schedule": slot.schedule, "utc": _utc(slot.at)} for slot in slots],
                "destinations": list(action.destinations),
                "verify_to": action.verify_to.label,
            }
        case MarkExpired() | KeepAgain() | PruneCopy() | CollectChunks():
            return _particulars_of_upkeep(action)


def _particulars_of_upkeep(action: Upkeep) -> Mapping[str, object]:
    match action:
        case MarkExpired():
            return {
                "destination": action.destination,
                "backups": list(action.backups),
                "beyond_normal_ageing": list(action.beyond_normal_ageing),
            }
        case KeepAgain():
            return {"destination": action.destination, "backups": list(action.backups)}
        case PruneCopy():
            return {
                "backup": action.backup,
                "destination": action.destination,
                "allowed": action.allowed,
            }
        case CollectChunks():
            return {"destination": action.destination}


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
