"""What every alert sender promises (`orchestrator.ports.alerts`); a new one adds a harness only."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

from orchestrator.model.alert import Alert, AlertKind, Cause, DeliveryState
from orchestrator.model.names import DatabaseName, PolicyName, Series
from orchestrator.model.policy import Channel, Event
from orchestrator.model.run import ErrorReport
from orchestrator.ports.alerts import AlertSender

CANARY = "CANARY-7gh2"
LAST_GOOD = "20261122T020000Z-7f3a9c, 4 h old, verified to content"


def an_alert(
    *,
    what: str = "server 10.0.0.5 refused the connection",
    last_good: str = LAST_GOOD,
    policy: str = "practice",
    next_command: str = "orchestrator status practice",
) -> Alert:
    series = Series(PolicyName(policy), DatabaseName("app"))
    return Alert(
        kind=AlertKind.OPENED,
        cause=Cause(Event.FAILED, str(series)),
        series=(series,),
        at=datetime(2026, 11, 22, 8, 0, 5, tzinfo=UTC),
        since=datetime(2026, 11, 22, 8, 0, 5, tzinfo=UTC),
        error=ErrorReport(code="ORC-201", what=what, next_step="start the server"),
        last_good={series: last_good},
        next_command=next_command,
    )


class AlertSenderHarness(Protocol):
    """One sender with channels of each kind; every channel's URL holds `CANARY`."""

    sender: AlertSender
    working: Channel
    failing: Channel

    def received(self) -> Sequence[str]:
        """Return what readers of the working channel saw, one text per message."""
        ...


class AlertSenderContract:
    """Subclass it with a fixture ``harness``."""

    def test_an_alert_reaches_a_working_channel_with_everything_its_reader_needs(
        self, harness: AlertSenderHarness
    ):
        delivery = harness.sender.send(an_alert(), harness.working)
        assert (delivery.channel, delivery.state) == (harness.working.name, DeliveryState.SENT)
        (text,) = harness.received()
        alert = an_alert()
        for fact in ("practice", "app", "ORC-201", alert.error.what, alert.error.next_step):
            assert fact in text
        for fact in ("2026-11-22 08:00:05 UTC", LAST_GOOD, alert.next_command):
            assert fact in text

    def test_each_call_sends_one_message(self, harness: AlertSenderHarness):
        for _ in range(2):
            harness.sender.send(an_alert(), harness.working)
        assert len(harness.received()) == 2

    def test_a_failing_channel_is_an_answer_and_not_an_exception(self, harness: AlertSenderHarness):
        delivery = harness.sender.send(an_alert(), harness.failing)
        assert (delivery.channel, delivery.state) == (harness.failing.name, DeliveryState.FAILED)
        assert delivery.answer.strip()

    def test_a_failing_channel_does_not_spoil_the_next_delivery(self, harness: AlertSenderHarness):
        harness.sender.send(an_alert(), harness.failing)
        assert harness.sender.send(an_alert(), harness.working).state is DeliveryState.SENT
        assert len(harness.received()) == 1

    def test_no_answer_holds_a_part_of_the_url(self, harness: AlertSenderHarness):
        for channel in (harness.working, harness.failing):
            answer = harness.sender.send(an_alert(), channel).answer
            assert CANARY.lower() not in answer.lower()

    def test_control_characters_of_an_error_do_not_reach_the_reader(
        self, harness: AlertSenderHarness
    ):
        harness.sender.send(an_alert(what="bad \x1b[31m\r\n\x00news\u202e"), harness.working)
        (text,) = harness.received()
        assert not set(text) & {"\x1b", "\x00", "\u202e"}
        assert "bad [31m news" in text
