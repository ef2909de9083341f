"""``alerts test``: sends a real message and reports what the transport answered."""

from collections.abc import Sequence
from datetime import datetime

import click

from orchestrator.cli.exit_codes import ExitCode
from orchestrator.cli.loading import load_or_refuse
from orchestrator.cli.options import json_option
from orchestrator.cli.outcomes import delivery_as_json
from orchestrator.cli.rendering import print_json, printable
from orchestrator.errors import AlertNotDeliveredError, UsageError
from orchestrator.model.alert import Alert, AlertKind, Cause, Delivery, DeliveryState
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel, DesiredState, Event
from orchestrator.model.run import ErrorReport
from orchestrator.settings import Settings
from orchestrator.wiring import alert_sender, fallback_channel, system_clock


@click.command("test")
@click.argument("channel", required=False)
@json_option
@click.pass_obj
def test_command(settings: Settings, *, channel: str | None, as_json: bool) -> ExitCode:
    """Send a test message to CHANNEL, or to every channel; exit code 1 if any did not take it."""
    chosen = choose_channels(load_or_refuse(settings), fallback_channel(settings), channel)
    sender, now = alert_sender(), system_clock().now()
    deliveries = [sender.send(test_alert(one, now), one) for one in chosen]
    if as_json:
        print_json({"version": 1, "alerts": list(map(delivery_as_json, deliveries))})
    else:
        _print(deliveries)
    failed = any(delivery.state is DeliveryState.FAILED for delivery in deliveries)
    return ExitCode.FAILED if failed else ExitCode.DONE


def choose_channels(
    desired: DesiredState, fallback: Channel | None, name: str | None
) -> list[Channel]:
    """Return the channel of that name, or every channel that is declared.

    Raises:
        UsageError: there is none.
    """
    channels = dict(desired.channels)
    if fallback is not None:
        channels[fallback.name] = fallback
    if not channels:
        raise UsageError(
            "the policy files declare no channel", next_step="add `channels:` to a policy file"
        )
    if name is None:
        return list(channels.values())
    found = channels.get(ChannelName(name))
    if found is None:
        raise UsageError(
            f"there is no channel {name!r}",
            next_step=f"the channels are: {', '.join(sorted(channels))}",
        )
    return [found]


def test_alert(channel: Channel, now: datetime) -> Alert:
    """Return the message that shows that a channel works."""
    return Alert(
        kind=AlertKind.TEST,
        cause=Cause(Event.CHANNEL_FAILING, f"channel {channel.name}"),
        series=(),
        at=now,
        since=now,
        error=ErrorReport(
            code="",
            what=f"this is a test of the channel {channel.name}: alerts of backups arrive here",
            next_step="nothing is to be done",
        ),
        next_command="orchestrator alerts list",
    )


def _print(deliveries: Sequence[Delivery]) -> None:
    for delivery in deliveries:
        if delivery.state is DeliveryState.SENT:
            click.echo(printable(f"sent    {delivery.channel}: {delivery.answer}"))
        else:
            code = AlertNotDeliveredError.code
            click.echo(printable(f"FAILED  {delivery.channel}: {delivery.answer} [{code}]"))
