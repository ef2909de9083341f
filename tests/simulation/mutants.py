"""Planted bugs, one line each, named after `faults.md` §7: the simulator must find every one.

A mutant that is not found says that the simulator is blind there.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from orchestrator.archive.manifest import digest_of, encode_manifest
from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.execution import attach_destination
from orchestrator.execution.backup import chunk_store, publish_backup, take_backup
from orchestrator.execution.backup.chunk_store import ChunkStore
from orchestrator.execution.lease import adopt_backups, hold_lease, recover_run, recover_series
from orchestrator.execution.lease.hold_lease import HeldLease
from orchestrator.execution.prune import (
    collect_chunks,
    collector,
    holdings,
    remove_copy,
)
from orchestrator.execution.rebuild import found_backups, merge_series
from orchestrator.execution.verification import verify_copy
from orchestrator.model.outcome import Failed
from orchestrator.planning import due, planner, promises
from orchestrator.planning.pruning import decide
from orchestrator.planning.pruning.allowance import Allowance
from orchestrator.planning.retention import buckets, copies, moments, rules
from orchestrator.planning.upkeep import collection, view
from orchestrator.planning.upkeep import plan_upkeep as upkeep
from orchestrator.reconciler import carry_out, observe, passes
from tests.simulation.removal_mutants import REMOVAL_MUTANTS
from tests.simulation.telling_mutants import TELLING_MUTANTS

AGES = timedelta(days=9999)
EVER = datetime(2000, 1, 1, tzinfo=UTC)

Mutation = Callable[[], AbstractContextManager[Any]]


def _returns(value: object) -> Callable[..., Any]:
    return lambda *_, **__: value


@contextmanager
def _all(*patches: AbstractContextManager[Any]) -> Iterator[None]:
    for one in patches:
        one.__enter__()
    try:
        yield
    finally:
        for one in reversed(patches):
            one.__exit__(None, None, None)


# ---------------------------------------------------------------- writing
def _commit_first(manifest: Any, attempt: Any, destinations: Any, suspicion: Any) -> Any:  # noqa: ANN401 - stands for `publish`
    data = encode_manifest(manifest)
    backup = publish_backup._backup_of(manifest, digest_of(data), attempt, destinations)
    listed = publish_backup._record(replace(backup, suspicion=suspicion), attempt)
    for destination in destinations:
        destination.create(publish_backup.manifest_key(manifest.path, manifest.backup), data)
    return listed


class _Late:
    """A place whose parts are written when its manifest was."""

    def __init__(self, inner: Any) -> None:  # noqa: ANN401 - a destination
        self.inner, self.put_off = inner, []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a proxy
        return getattr(self.inner, name)

    def create(self, key: str, data: bytes) -> None:
        if not key.endswith("manifest.json"):
            self.put_off.append((key, data))
            return
        self.inner.create(key, data)
        for late in self.put_off:
            self.inner.create(*late)


def _manifest_first() -> AbstractContextManager[Any]:
    attach = take_backup.attach_destination

    def attach_late(*args: Any) -> Any:  # noqa: ANN401 - passes on
        return _Late(attach(*args))

    return _all(
        patch.object(take_backup, "attach_destination", attach_late),
        patch.object(publish_backup, "_refuse_missing", _returns(None)),
    )


def _reuse_anything(self: Any, key: Any, chunk: Any) -> bool:  # noqa: ANN401 - stands for `_settle`
    return False if self._destination.stat(key) else self._write(key, chunk)


def _open_anything(name: Any, execution: Any) -> Any:  # noqa: ANN401 - stands for `open_if_attached`
    known = execution.reader.destination_marker(name)
    return None if known is None else execution.destinations.open(name)


# ---------------------------------------------------------------- one at a time
def _adopt_any_fence(found: Any, _: Any, destination: Any) -> str | None:  # noqa: ANN401 - stands for `_why_not`
    return next(adopt_backups.missing_objects(found.manifest, destination), None)


def _adopt_incomplete(found: Any, abandoned: Any, _: Any) -> str | None:  # noqa: ANN401 - stands for `_why_not`
    return None if found.manifest.fence == abandoned.fence else "of another fence"


def _everybody_is_gone() -> AbstractContextManager[Any]:
    def seen(lease: Any, *_: Any) -> Any:  # noqa: ANN401 - stands for `_observe_lease`
        return observe.LeaseObservation(lease=lease, holder_is_gone=True)

    return _all(
        patch.object(hold_lease, "holder_is_gone", _returns(True)),
        patch.object(recover_series, "holder_is_gone", _returns(True)),
        patch.object(observe, "_observe_lease", seen),
    )


def _list_at_first_place() -> AbstractContextManager[Any]:
    record = adopt_backups._record
    return patch.object(
        adopt_backups,
        "_record",
        lambda series, copies, execution: record(series, copies[:1], execution),
    )


# ---------------------------------------------------------------- slots
def _name_all_slots() -> AbstractContextManager[Any]:
    answer = take_backup._answer

    def wrong(action: Any, execution: Any) -> Any:  # noqa: ANN401 - passes on
        return replace(answer(action, execution), still_due=action)

    return patch.object(take_backup, "_answer", wrong)


def _assess_with(**changes: object) -> Mutation:
    assess = planner.assess_schedule

    def wrong(policy: Any, schedule: Any, seen: Any, **times: Any) -> Any:  # noqa: ANN401 - passes on
        return assess(policy, replace(schedule, **changes), seen, **times)

    return lambda: patch.object(planner, "assess_schedule", wrong)


def _oldest_slot_first() -> AbstractContextManager[Any]:
    assess = planner.assess_schedule

    def wrong(policy: Any, schedule: Any, seen: Any, *, since: Any, now: Any) -> Any:  # noqa: ANN401 - passes on
        demand = assess(policy, schedule, seen, since=since, now=now)
        line = due._Timeline(policy=policy, schedule=schedule, seen=seen, since=since, now=now)
        if demand.due is None:
            return demand
        return replace(demand, due=due.Slot(list(line.open_slots())[-1], schedule.name))

    return patch.object(planner, "assess_schedule", wrong)


def _local_slots() -> AbstractContextManager[Any]:
    walk = due.slots_until

    def wrong(cron: Any, zone: Any, at: Any) -> Iterator[datetime]:  # noqa: ANN401 - passes on
        return (slot.astimezone(zone).replace(tzinfo=UTC, fold=0) for slot in walk(cron, zone, at))

    return patch.object(due, "slots_until", wrong)


def _any_copy_is_good() -> AbstractContextManager[Any]:
    def newest(backups: Any, _: Any) -> Any:  # noqa: ANN401 - stands for `last_good`
        return max(backups, key=lambda backup: backup.sequence, default=None)

    return _all(
        patch.object(observe, "last_good", newest), patch.object(take_backup, "last_good", newest)
    )


def _first_failure_stops_all() -> AbstractContextManager[Any]:
    execute, failed = carry_out.execute, {}

    def wrong(action: Any, execution: Any) -> Any:  # noqa: ANN401 - passes on
        if id(execution) in failed:
            return replace(failed[id(execution)], action=action)
        outcome = execute(action, execution)
        if isinstance(outcome, Failed):
            failed[id(execution)] = outcome
        return outcome

    return patch.object(carry_out, "execute", wrong)


def _first_place_only() -> AbstractContextManager[Any]:
    take = planner._take

    def wrong(*args: Any) -> Any:  # noqa: ANN401 - passes on
        action = take(*args)
        return replace(action, destinations=action.destinations[:1])

    return patch.object(planner, "_take", wrong)


def _never_succeeded_is_kept() -> AbstractContextManager[Any]:
    find = promises._find_first_unkept

    def wrong(policy: Any, schedule: Any, newest: Any, since: Any, now: Any) -> Any:  # noqa: ANN401 - passes on
        return find(policy, schedule, newest, since, now) if newest else None

    return patch.object(promises, "_find_first_unkept", wrong)


# ---------------------------------------------------------------- keeping
def _all_are_eligible() -> AbstractContextManager[Any]:
    rate = copies.rate_copy

    def wrong(*args: Any) -> Any:  # noqa: ANN401 - passes on
        return rate(*args).as_whole()

    return patch.object(moments, "rate_copy", wrong)


def _ages_during_outages() -> AbstractContextManager[Any]:
    look = rules.look_at

    def wrong(shelf: Any, now: Any, *others: Any) -> Any:  # noqa: ANN401 - passes on
        moment = look(shelf, now, *others)
        tiers, zone = shelf.rules.retention.tiers, shelf.rules.zone
        limits = {tier: rules.subtract_window(tiers[tier], zone, now) for tier in moment.limits}
        return replace(moment, limits=limits)

    return patch.object(moments, "look_at", wrong)


def _prune_at_once() -> AbstractContextManager[Any]:
    decide = view.decide_pruning

    def wrong(*args: Any, **how: Any) -> Any:  # noqa: ANN401 - passes on
        return decide(*args, **{**how, "prune_delay": timedelta()})

    return patch.object(view, "decide_pruning", wrong)


def _prune_any_number() -> AbstractContextManager[Any]:
    return _all(
        patch.object(Allowance, "room", _returns(9999)),
        patch.object(Allowance, "admit", lambda _, wanted, **__: wanted),
    )


def _manifest_last() -> AbstractContextManager[Any]:
    remove = remove_copy.remove_object

    def wrong(key: Any, destination: Any, check: Any) -> None:  # noqa: ANN401 - passes on
        if key.endswith("/manifest.json"):
            for info in destination.list(key.removesuffix("manifest.json")):
                if info.key != key:
                    remove(info.key, destination, check)
        remove(key, destination, check)

    return patch.object(remove_copy, "remove_object", wrong)


def _delete_without_fence() -> AbstractContextManager[Any]:
    remove = remove_copy.remove_object

    def wrong(key: Any, destination: Any, _: Any) -> None:  # noqa: ANN401 - passes on
        remove(key, destination, lambda: None)

    return patch.object(remove_copy, "remove_object", wrong)


def _attach_anything() -> AbstractContextManager[Any]:
    first = attach_destination._first_marker

    def wrong(place: Any, execution: Any) -> str:  # noqa: ANN401 - stands for `_first_marker`
        return attach_destination.marker_of(place) or first(place, execution)

    return _all(
        patch.object(attach_destination, "require_empty", _returns(None)),
        patch.object(attach_destination, "_first_marker", wrong),
    )


def _rebuilt_at_one_place() -> AbstractContextManager[Any]:
    def wrong(_: Any, item: Any, known: Any) -> bool:  # noqa: ANN401 - stands for `_is_new`
        return item.backup is not None and known is None

    return patch.object(merge_series._Merge, "_is_new", wrong)


MUTANTS: Mapping[str, Mutation] = {
    **TELLING_MUTANTS,
    "catalog commit before manifest": lambda: patch.object(take_backup, "publish", _commit_first),
    "manifest before its parts": _manifest_first,
    "chunk reuse without size check": lambda: patch.object(ChunkStore, "_settle", _reuse_anything),
    "chunk reuse though damage was found": lambda: patch.object(
        chunk_store, "_damage_was_found_since", _returns(False)
    ),
    "destination marker not compared": lambda: patch.object(
        attach_destination, "open_if_attached", _open_anything
    ),
    "adoption without fence check": lambda: patch.object(
        adopt_backups, "_why_not", _adopt_any_fence
    ),
    "adoption of an incomplete manifest": lambda: patch.object(
        adopt_backups, "_why_not", _adopt_incomplete
    ),
    "nothing is adopted": lambda: patch.object(
        recover_run, "adopt_completed", _returns(adopt_backups.Adoption())
    ),
    "adoption at the first place only": _list_at_first_place,
    "refusals to adopt not noted": lambda: patch.object(
        adopt_backups, "note_strangers", _returns(None)
    ),
    "series given back past the lease": lambda: patch.object(HeldLease, "abandon", _returns(None)),
    "retired series never freed": lambda: patch.object(observe, "_observe_retired", _returns(())),
    "fence not checked before writing": lambda: patch.object(HeldLease, "check", _returns(None)),
    "lease taken from a live holder": _everybody_is_gone,
    "lease never released": lambda: patch.object(HeldLease, "let_go", _returns(None)),
    "dead run never closed": lambda: patch.object(recover_run, "_close_run", _returns(None)),
    "still-due check left out": lambda: patch.object(
        take_backup, "_answer", lambda action, _: take_backup._Answer(action)
    ),
    "answered slots named again": _name_all_slots,
    "catch-up without an end": _assess_with(catch_up=AGES),
    "catch-up begins with the oldest slot": _oldest_slot_first,
    "edited schedule fires back": lambda: patch.object(planner, "in_force_since", _returns(EVER)),
    "slot keyed by local time": _local_slots,
    "missed slots not recorded": lambda: patch.object(passes, "record_missed", _returns(None)),
    "backup of B breaks A": _first_failure_stops_all,
    "two destinations, success if one": _first_place_only,
    "run closed as succeeded before proof": lambda: patch.object(
        take_backup, "prove_copy", _returns(None)
    ),
    "verification skipped": lambda: patch.object(verify_copy, "examine_copy", _returns((None, ()))),
    "damaged copy counted as good": _any_copy_is_good,
    "suspicion not asked": lambda: patch.object(take_backup, "suspicion_of", _returns(None)),
    "never succeeded counts as kept": _never_succeeded_is_kept,
    "retention counts damaged copies": _all_are_eligible,
    "days-only retention": lambda: patch.dict(
        buckets.BUCKETS, dict.fromkeys(buckets.BUCKETS, buckets.BUCKETS[buckets.Tier.DAILY])
    ),
    "retention ages while backups fail": _ages_during_outages,
    "unverified displaces verified": lambda: patch.object(
        copies.RatedCopy, "rank", property(lambda copy: copy.order)
    ),
    "min_keep forgotten": lambda: patch.dict(rules.ALWAYS, {rules.MIN_KEEP: _returns(False)}),
    "prune without the second step": _prune_at_once,
    "prune guards left out": lambda: patch.object(decide, "find_refusal", _returns(None)),
    "prune beyond the measure of a day": _prune_any_number,
    "prune without tombstone": lambda: patch.object(
        MemoryCatalog, "record_prune_started", _returns(None)
    ),
    "manifest removed after its parts": _manifest_last,
    "missing fence check on delete": _delete_without_fence,
    "prune of what is held": lambda: patch.dict(rules.ALWAYS, {rules.HELD: _returns(False)}),
    "damage that stops a collection forgotten": lambda: patch.object(
        collect_chunks, "note_unreadable", _returns(None)
    ),
    **REMOVAL_MUTANTS,
    "collection without grace": lambda: _all(
        patch.object(collect_chunks, "wait_of", _returns(timedelta())),
        patch.object(collection, "wait_of", _returns(timedelta())),
    ),
    "collection forgets what manifests name": lambda: patch.object(
        holdings.Holdings, "is_unreferenced", _returns(True)
    ),
    "orphans never collected": lambda: patch.object(collect_chunks, "_find_ripe", _returns(())),
    "orphans seen only where copies are pruned": lambda: patch.object(
        upkeep, "find_collection_reason", _returns(None)
    ),
    "moved aside and left there": lambda: patch.object(collector, "remove_object", _returns(None)),
    "lost catalog begins anew": _attach_anything,
    "rebuild forgets holds": lambda: patch.object(found_backups, "read_marks", _returns(())),
    "rebuild believes manifests": lambda: patch.object(
        found_backups, "_damage_of_sizes", _returns(())
    ),
    "rebuild of the second place does nothing": _rebuilt_at_one_place,
    "rebuilt catalog prunes at once": lambda: patch.object(
        MemoryCatalog, "rebuilt_series", _returns({})
    ),
}
