"""A channel that was broken takes the next attempt when it is back, once, whoever sends it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from orchestrator.alerts.apprise_sender import AppriseSender
from orchestrator.model.alert import Delivery, DeliveryState
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel, Event
from orchestrator.model.secret import Secret
from tests.integration.alerts.receivers import a_port_that_hangs, a_port_that_refuses, a_webhook
from tests.unit.alerts.samples import TROUBLES


@contextmanager
def a_server_that_answers_500() -> Iterator[str]:
    with a_webhook(status=500) as webhook:
        yield webhook.address


BROKEN = {
    "answers 500": a_server_that_answers_500,
    "hangs": a_port_that_hangs,
    "refuses": a_port_that_refuses,
}


def send_as_after_a_restart(address: str) -> Delivery:
    channel = Channel(name=ChannelName("ops"), url=Secret(f"json://{address}/hook", "test"))
    return AppriseSender(time_limit=0.6).send(TROUBLES[Event.FAILED], channel)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_what_a_broken_channel_did_not_take_arrives_once_when_it_is_back(
    broken: Callable[[], AbstractContextManager[str]],
):
    with broken() as address:
        attempts = [send_as_after_a_restart(address) for _ in range(2)]
    assert [attempt.state for attempt in attempts] == [DeliveryState.FAILED] * 2
    with a_webhook(port=int(address.rsplit(":")[-1])) as webhook:
        delivery = send_as_after_a_restart(address)
    assert delivery.state is DeliveryState.SENT, delivery.answer
    assert len(webhook.messages) == 1


def test_a_hanging_channel_does_not_hold_up_another():
    with a_port_that_hangs() as hanging, a_webhook() as webhook:
        send_as_after_a_restart(hanging)
        delivery = send_as_after_a_restart(webhook.address)
    assert delivery.state is DeliveryState.SENT, delivery.answer
