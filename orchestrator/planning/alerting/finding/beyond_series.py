"""Troubles that hit no series, but those who would hear of theirs."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from orchestrator.errors import AlertNotDeliveredError, InvalidPolicyError
from orchestrator.model.alert import Cause, Trouble
from orchestrator.model.incident import Message
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Event
from orchestrator.model.run import ErrorReport
from orchestrator.planning.alerting.causes import POLICY_FILES
from orchestrator.planning.phrases import count

FAILING_AFTER = 2
"""Attempts in vain: the second one shows that the first was no accident."""

_SHOWN = 3
"""So many problems of policy files are told; `validate` prints all."""


def failing_channels(undelivered: Sequence[Message]) -> dict[ChannelName, list[Message]]:
    """Return the channels that do not take their messages, with these, oldest first."""
    tried: dict[ChannelName, list[Message]] = {}
    for message in undelivered:
        if message.attempts and message.answer:
            tried.setdefault(message.channel, []).append(message)
    return {
        channel: messages
        for channel, messages in tried.items()
        if sum(message.attempts for message in messages) >= FAILING_AFTER
    }


def channel_cause(channel: ChannelName) -> Cause:
    """Return what it is about when a channel does not work."""
    return Cause(Event.CHANNEL_FAILING, f"channel {channel}")


def find_channel_troubles(undelivered: Sequence[Message], now: datetime) -> Iterator[Trouble]:
    """Yield one trouble for each channel that does not take its messages."""
    for channel, messages in failing_channels(undelivered).items():
        attempts = sum(message.attempts for message in messages)
        waiting = sum(message.channel == channel for message in undelivered)
        yield Trouble(
            cause=channel_cause(channel),
            series=(),
            since=min((message.created_at for message in messages), default=now),
            short=messages[-1].answer,
            error=ErrorReport(
                code=AlertNotDeliveredError.code,
                what=f"the channel {channel} did not take a message in {attempts} attempts:"
                f" {messages[-1].answer}; {count(waiting, 'message')} for it waiting",
                next_step="correct its url, or bring its service back: what waits is sent then",
            ),
            next_command=f"orchestrator alerts test {channel}",
        )


def find_policy_trouble(problems: Sequence[str], since: datetime) -> Iterator[Trouble]:
    """Yield the trouble of policy files that cannot be put in force."""
    if not problems:
        return
    shown = "; ".join(problems[:_SHOWN])
    more = (
        f"; and {count(len(problems) - _SHOWN, 'more problem')}" if len(problems) > _SHOWN else ""
    )
    yield Trouble(
        cause=Cause(Event.POLICY_INVALID, POLICY_FILES),
        series=(),
        since=since,
        error=ErrorReport(
            code=InvalidPolicyError.code,
            what=f"{shown}{more}",
            next_step="correct the files; until then the last good revision stays in force, where"
            " a loop runs, and `apply` does nothing",
        ),
        next_command="orchestrator validate",
    )
