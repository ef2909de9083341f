"""Passes over what breaks, told through Apprise to real servers on loopback."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from orchestrator.alerts.apprise_sender import AppriseSender
from orchestrator.errors import DestinationUnreachableError, SourceUnreachableError
from orchestrator.execution.context import Execution
from orchestrator.model.alert import Alert, AlertKind, Delivery, DeliveryState
from orchestrator.model.incident import Message
from orchestrator.model.policy import Channel, DesiredState
from orchestrator.model.secret import Secret
from orchestrator.reconciler.passes import run_pass
from tests.integration.alerts.receivers import Webhook, a_webhook
from tests.support.builders import a_source
from tests.support.in_memory_engine import InMemoryDatabase, table_name
from tests.support.incident_history import a_route, in_force, routed
from tests.unit.execution.world import Fate, Killed, World

HOUR = timedelta(hours=1)
ROUTES = (a_route("ops", remind_every=4 * HOUR), a_route("mail", remind_every=100 * HOUR))


@dataclass
class Office:
    """A world whose channels are real servers, and whose database server may be down."""

    hooks: dict[str, Webhook]
    world: World = field(default_factory=lambda: World(desired=in_force(routed(*ROUTES))))
    is_down: bool = False
    fate: Fate = field(default_factory=Fate)
    trouble: Exception = field(
        default_factory=lambda: SourceUnreachableError("no answer", next_step="start it")
    )
    broken_call: str = "open_snapshot"

    def before(self, name: str) -> None:
        self.fate.step(name)
        if self.is_down and name == self.broken_call:
            raise self.trouble

    def process(self) -> Execution:
        process = self.world.process(self.before, workers=1)
        return replace(process, alerts=AppriseSender(3.0), desired=self.desired)

    @property
    def desired(self) -> DesiredState:
        desired = self.world.desired
        channels = {
            name: Channel(name=name, url=Secret(f"json://{self.hooks[name].address}/", "a test"))
            for name in desired.channels
        }
        return replace(desired, channels=channels)

    def a_pass(self, after: timedelta = HOUR) -> Sequence[Delivery]:
        self.world.wait(after)
        return run_pass(self.process()).deliveries

    def said(self, channel: str) -> list[str]:
        """The kinds of the messages that a channel was sent and took, in order."""
        written = self.world.catalog.messages()
        return [_kind(message) for message in written if message.channel == channel]


def _kind(message: Message) -> str:
    return f"{message.about.event.value} {message.alert.kind.value}"


@pytest.fixture
def office() -> Iterator[Office]:
    with a_webhook() as ops, a_webhook() as mail:
        yield Office({"ops": ops, "mail": mail})


def test_a_server_that_is_down_for_twenty_passes_is_told_once_and_its_return_once(office: Office):
    office.a_pass()
    office.is_down = True
    office.world.wait(24 * HOUR)
    for _ in range(20):
        office.a_pass()
    office.is_down = False
    for _ in range(3):
        office.a_pass()
    told = office.said("mail")
    assert told[:2] == ["missed opened", "failed opened"]
    assert sorted(told[2:]) == ["failed recovered", "missed recovered"]
    # The day's slot is past catching up on: it lasted 22 hours, until that of the next day.
    assert office.said("ops").count("failed reminder") == 22 // 4
    assert len(office.hooks["mail"].messages) == len(office.said("mail"))
    assert len(office.hooks["ops"].messages) == len(office.said("ops"))


def test_a_channel_that_is_down_for_thirty_passes_gets_its_message_once_it_is_back(office: Office):
    office.a_pass()
    office.hooks["ops"].status = 500
    office.world.server.databases.clear()
    office.world.wait(24 * HOUR)
    kills, steps = 0, 0
    for number in range(30):
        # Every third pass goes to its end, and shows how many calls the others can die at.
        office.fate = Fate(dies_at=1 + 7 * number % steps if number % 3 else None)
        with suppress(Killed):
            office.a_pass(timedelta(minutes=10))
        kills += office.fate.is_dead
        steps = steps if office.fate.is_dead else office.fate.calls
        office.world.kill_all()
    assert kills == 20
    office.fate = Fate()
    told_of_it = [m["title"] for m in office.hooks["mail"].messages if "channel ops" in m["title"]]
    assert len(told_of_it) == 1
    office.hooks["ops"].status, office.hooks["ops"].messages = 200, []
    office.a_pass(timedelta(minutes=10))
    assert any(kind.endswith(AlertKind.OPENED.value) for kind in office.said("ops"))
    assert office.world.catalog.undelivered() == []
    assert len(office.hooks["ops"].messages) == len(set(map(str, office.hooks["ops"].messages)))
    assert len(office.hooks["ops"].messages) == len(office.said("ops"))


@dataclass
class Hanging:
    """A channel that does not answer before a backup has begun, or only after some seconds."""

    begun: threading.Event = field(default_factory=threading.Event)
    waited: list[bool] = field(default_factory=list)

    def send(self, alert: Alert, channel: Channel) -> Delivery:
        del alert
        self.waited.append(self.begun.wait(5))
        return Delivery(channel=channel.name, state=DeliveryState.FAILED, answer="it hangs")


def test_no_backup_waits_for_a_channel_that_hangs():
    world, hanging = World(desired=in_force(routed())), Hanging()
    run_pass(world.process())
    world.wait(timedelta(days=1, hours=1))
    began: list[float] = []

    def note(name: str) -> None:
        if name == "open_snapshot":
            began.append(time.monotonic())
            hanging.begun.set()

    started = time.monotonic()
    run_pass(replace(world.process(note), alerts=hanging))
    assert hanging.waited, "what was missed is told"
    assert all(hanging.waited), "the backup began while the channel hung"
    assert began[0] - started < 1


POLICIES = 200
ERRORS = {
    "server": ("open_snapshot", SourceUnreachableError("db:5432: no answer", next_step="start it")),
    "destination": (
        "read",
        DestinationUnreachableError("destination 'local' is away", next_step="mount it"),
    ),
}


@pytest.mark.parametrize("broken", sorted(ERRORS))
def test_two_hundred_policies_on_one_broken_thing_make_three_messages_at_most(
    office: Office, broken: str
):
    names = [f"policy-{number}" for number in range(POLICIES)]
    policies = [
        replace(routed(a_route("ops"), name=name), source=a_source(databases=[name]))
        for name in names
    ]
    office.world.desired = replace(in_force(*policies), max_parallel=4)
    for name in names:
        database = InMemoryDatabase(tables={table_name("public.t"): [b"1"]})
        office.world.server.databases[name] = database
    office.broken_call, office.trouble = ERRORS[broken]
    office.is_down = True
    for _ in range(3):
        office.a_pass(timedelta(minutes=25))
    messages = office.hooks["ops"].messages
    assert 1 <= len(messages) <= 3
    failed = [m for m in office.world.catalog.messages() if m.about.event.value == "failed"]
    assert [len(message.alert.series) for message in failed] == [POLICIES]
