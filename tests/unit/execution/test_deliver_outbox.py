"""What waits in the outbox reaches its channel once, whatever dies or hangs on the way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.execution.context import Execution
from orchestrator.execution.deliver_outbox import deliver_outbox, wait_after
from orchestrator.model.alert import Alert, Delivery, DeliveryState
from orchestrator.model.incident import IncidentChange, Message, MessageState
from orchestrator.model.policy import Channel
from orchestrator.model.run import LogAction, LogOutcome
from tests.support.alerting import a_cause, a_message, an_alert
from tests.support.incident_history import a_route, in_force, routed
from tests.unit.execution.world import NOW, Fate, Killed, World


def queue(world: World, *messages: Message) -> None:
    world.catalog.record_incidents(
        [IncidentChange(before=None, after=None, message=message) for message in messages]
    )


def a_world(*messages: Message) -> World:
    world = World(desired=in_force(routed(a_route("ops"), a_route("mail"))))
    queue(world, *(messages or (a_message(NOW),)))
    return world


def deliver(world: World, *, at_once: bool = True) -> list[DeliveryState]:
    return [one.state for one in deliver_outbox(world.process(), at_once=at_once)]


def test_what_is_queued_is_sent_once():
    world = a_world()
    assert deliver(world) == [DeliveryState.SENT]
    assert deliver(world) == []
    (message,) = world.catalog.messages()
    assert (message.state, message.attempts, message.answer) == (MessageState.SENT, 1, "200")


def test_a_channel_that_takes_nothing_is_tried_again_and_logged_once():
    world = a_world()
    world.inbox.dead = True
    for _ in range(30):
        deliver(world)
        world.wait(timedelta(minutes=10))
    world.inbox.dead = False
    assert deliver(world) == [DeliveryState.SENT]
    entries = [(entry.action, entry.outcome) for entry in world.catalog.log()]
    assert entries == [(LogAction.ALERT, LogOutcome.FAILED)]
    assert world.catalog.log()[0].detail["answer"] == "503"


def test_a_loop_waits_longer_after_each_attempt_and_less_than_five_minutes():
    world = a_world()
    world.inbox.dead = True
    assert deliver(world, at_once=False) == [DeliveryState.FAILED]
    assert deliver(world, at_once=False) == []
    world.wait(timedelta(seconds=20))
    assert deliver(world, at_once=False) == [DeliveryState.FAILED]
    waits = [wait_after(replace(a_message(), attempts=number)) for number in range(1, 20)]
    assert waits[:4] == sorted(waits[:4])
    assert timedelta(minutes=4) <= waits[-1] < timedelta(minutes=5)
    assert waits == [wait_after(replace(a_message(), attempts=number)) for number in range(1, 20)]


def test_a_channel_that_is_down_is_tried_twice_a_round_however_much_waits():
    world = a_world(*(a_message(NOW, about=a_cause(f"practice/app{n}")) for n in range(9)))
    world.inbox.dead = True
    assert len(deliver(world)) == 2


def test_what_one_incident_says_arrives_in_order():
    first, second = a_message(NOW), a_message(NOW + timedelta(minutes=1))
    world = a_world(first, second)
    world.inbox.dead = True
    deliver(world)
    assert [message.attempts for message in world.catalog.undelivered()] == [2, 0]
    world.inbox.dead = False
    deliver(world)
    assert [alert.at for alert in world.inbox.received[-2:]] == [
        first.created_at,
        second.created_at,
    ]


def test_what_one_incident_says_arrives_in_order_however_often_its_beginning_was_tried():
    opened = a_message(NOW)
    world = a_world(opened)
    world.inbox.dead = True
    for _ in range(6):
        deliver(world)
    over = a_message(NOW + timedelta(hours=3), alert=an_alert(at=NOW + timedelta(hours=3)))
    queue(world, over)
    world.inbox.dead = False
    world.inbox.received.clear()
    deliver(world)
    assert [alert.at for alert in world.inbox.received] == [opened.created_at, over.created_at]


def test_a_message_that_its_channel_never_takes_does_not_hold_up_others():
    poison, other = a_message(NOW), a_message(NOW, about=a_cause("destination local"))
    world = a_world(poison, other)

    def send(alert: Alert, channel: Channel) -> Delivery:
        bad = alert == poison.alert
        state = DeliveryState.FAILED if bad else DeliveryState.SENT
        return Delivery(channel=channel.name, state=state, answer="")

    world.inbox.send = send  # type: ignore[method-assign] - a channel of its own kind
    assert sorted(state.value for state in deliver(world)) == ["failed", "failed", "sent"]


def test_a_channel_that_breaks_is_an_answer_like_any_other():
    world = a_world()

    def send(alert: Alert, channel: Channel) -> Delivery:
        raise RuntimeError(alert, channel)

    world.inbox.send = send  # type: ignore[method-assign] - a channel of its own kind
    deliver(world)
    assert world.catalog.undelivered()[0].answer == "the channel broke with RuntimeError"


def test_what_another_process_sends_now_is_left_to_it():
    world = a_world()
    other = world.process()
    (message,) = world.catalog.undelivered()
    claim = message.claimed(other.machine.whoami(), world.clock.now() + timedelta(minutes=1))
    world.catalog.claim_message(claim)
    assert deliver(world) == []
    world.wait(timedelta(minutes=2))
    assert deliver(world) == [DeliveryState.SENT]


@pytest.mark.parametrize("dies_at", [1, 2, 3])
def test_a_kill_before_any_call_delivers_once_or_at_most_twice(dies_at: int):
    world, fate = a_world(), Fate(dies_at=dies_at)
    with pytest.raises(Killed):
        deliver_outbox(world.process(fate.step), at_once=True)
    world.kill_all()
    deliver(world)
    is_sent_before_the_kill = dies_at == 3
    assert len(world.inbox.received) == 1 + is_sent_before_the_kill
    assert world.catalog.undelivered() == []


def test_two_processes_at_once_send_it_once():
    world = a_world()
    second: Execution = world.process()

    def meanwhile(name: str) -> None:
        if name == "claim_message":
            deliver_outbox(second, at_once=True)

    assert list(deliver_outbox(world.process(meanwhile), at_once=True)) == []
    assert len(world.inbox.received) == 1


def test_a_channel_that_is_declared_no_more_is_given_up_in_the_end_and_logged():
    world = a_world(a_message(NOW, channel="gone"))
    assert deliver(world) == []
    assert len(world.catalog.undelivered()) == 1
    world.wait(timedelta(days=1))
    deliver(world)
    (message,) = world.catalog.messages()
    assert message.state is MessageState.GIVEN_UP
    assert "given up" in world.catalog.log()[0].detail["answer"]


def test_a_dead_channel_does_not_hold_up_the_others():
    world = a_world(a_message(NOW), a_message(NOW, channel="mail"))

    def send(alert: Alert, channel: Channel) -> Delivery:
        state = DeliveryState.FAILED if channel.name == "ops" else DeliveryState.SENT
        return Delivery(channel=channel.name, state=state, answer=alert.cause.subject)

    world.inbox.send = send  # type: ignore[method-assign] - a channel of its own kind
    deliver(world)
    assert [message.channel for message in world.catalog.undelivered()] == ["ops"]
