"""Planted bugs of telling: what the mutants of `mutants.py` are for backups, these are for alerts."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from itertools import takewhile
from typing import Any
from unittest.mock import patch

from orchestrator.catalog import memory_history
from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.execution import deliver_outbox
from orchestrator.model.incident import Incident, Message, MessageState
from orchestrator.model.run import RunState
from orchestrator.planning.alerting import follow, troubles
from orchestrator.planning.alerting.finding import overdue
from orchestrator.reconciler import passes
from orchestrator.reconciler.telling import incidents

Mutation = Callable[[], AbstractContextManager[Any]]


def _returns(value: object) -> Callable[..., Any]:
    return lambda *_, **__: value


def _sent_before_delivered() -> AbstractContextManager[Any]:
    def wrong(self: Any, message: Message, channel: Any) -> None:  # noqa: ANN401 - stands for `_send`
        execution, now = self.execution, self.execution.clock.now()
        claimed = message.claimed(execution.machine.whoami(), now)
        if execution.writer.claim_message(claimed):
            execution.writer.record_delivery(claimed.ended(MessageState.SENT, "", now))
            deliver_outbox.send_safely(execution.alerts, message.alert, channel)

    return patch.object(deliver_outbox._Round, "_send", wrong)


def _told_before_backups() -> AbstractContextManager[Any]:
    note = passes.note_troubles

    def wrong(seen: Any, execution: Any, concerns: Any) -> None:  # noqa: ANN401 - passes on
        note(seen, execution, concerns)
        deliver_outbox.deliver_outbox(execution, at_once=True)

    return patch.object(passes, "note_troubles", wrong)


def _missed_before_its_time() -> AbstractContextManager[Any]:
    assess = overdue.assess_promises

    def wrong(*args: Any, now: Any, **how: Any) -> Any:  # noqa: ANN401 - passes on
        return assess(*args, now=now + timedelta(hours=1), **how)

    return patch.object(overdue, "assess_promises", wrong)


def _ended_by_a_retry() -> AbstractContextManager[Any]:
    history_of = memory_history._history_of

    def wrong(backups: Any, runs: Any) -> Any:  # noqa: ANN401 - passes on
        broken = takewhile(
            lambda run: run.state in (RunState.FAILED, RunState.INTERRUPTED), reversed(runs)
        )
        return replace(history_of(backups, runs), failures=tuple(broken)[::-1])

    return patch.object(memory_history, "_history_of", wrong)


def _suspect_messages_last(messages: Sequence[Message]) -> Sequence[Message]:
    return sorted(messages, key=lambda one: (one.attempts >= 3, one.created_at, one.id))


def _after_the_first_message(self: Any) -> None:  # noqa: ANN401 - stands for `_go`
    channel = self.execution.channel_named(self.messages[0].channel)
    if channel is not None:
        self._send(self.messages[0], channel)


def _new_text_new_incident() -> AbstractContextManager[Any]:
    route = follow.route_troubles

    def wrong(found: Any, *args: Any, **how: Any) -> Any:  # noqa: ANN401 - passes on
        renamed = [replace(one, cause=replace(one.cause, subject=one.error.what)) for one in found]
        return route(renamed, *args, **how)

    return patch.object(follow, "route_troubles", wrong)


TELLING_MUTANTS: Mapping[str, Mutation] = {
    "failure told to nobody": lambda: patch.object(incidents, "follow_incidents", _returns(())),
    "recovered told twice": lambda: patch.object(Incident, "is_open", property(_returns(True))),
    "another cause taken for a success": lambda: patch.object(
        follow, "list_successors", _returns([])
    ),
    "unwatched taken for a success": lambda: patch.object(follow, "why_unwatched", _returns(None)),
    "incident never closed": lambda: patch.object(follow, "_let_go", _returns(None)),
    "reminder every pass": lambda: patch.object(follow, "_is_due", _returns(True)),
    "reminders forgotten": lambda: patch.object(follow, "_is_due", _returns(False)),
    "further series never told": lambda: patch.object(follow, "_may_grow", _returns(False)),
    "message marked sent before it was delivered": _sent_before_delivered,
    "outbox lost at crash": lambda: patch.object(
        deliver_outbox._Round, "_is_abandoned", _returns(False)
    ),
    "one message a round": lambda: patch.object(
        deliver_outbox._Round, "_go", _after_the_first_message
    ),
    "message sent without a claim": lambda: patch.object(
        MemoryCatalog, "record_delivery", _returns(True)
    ),
    "suspect message behind its end": lambda: patch.object(
        deliver_outbox, "_in_order", _suspect_messages_last
    ),
    "alert dedup by message text": _new_text_new_incident,
    "alerts before the backups": _told_before_backups,
    "dead channel told to nobody": lambda: patch.object(
        troubles, "find_channel_troubles", _returns(())
    ),
    "missed told before its grace is over": _missed_before_its_time,
    "failure over when the retry begins": _ended_by_a_retry,
    "frozen process reminds again": lambda: patch.object(
        follow, "_has_spoken_since", _returns(False)
    ),
}
