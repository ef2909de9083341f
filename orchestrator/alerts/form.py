"""Is a channel's URL one that a message could be sent to? Nothing is sent."""

from collections.abc import Sequence

from typing_extensions import override

from orchestrator.alerts.apprise_sender import describe_bad_url, load_services
from orchestrator.alerts.scrub import scrub
from orchestrator.errors import AlertNotDeliveredError
from orchestrator.model.policy import Channel
from orchestrator.ports.preflight import ChannelInspector, Finding, problem


class AppriseInspector(ChannelInspector):
    """Asks Apprise whether it knows what to do with a URL."""

    @override
    def inspect_channel(self, channel: Channel) -> Sequence[Finding]:
        url = channel.url.reveal()
        if load_services(url) is not None:
            return []
        error = AlertNotDeliveredError(
            f"nothing can be sent to the channel {channel.name}: {scrub(describe_bad_url(url), url)}",
            next_step="correct its url; `orchestrator alerts test` then sends a real message",
        )
        return [problem(f"channel {channel.name}", error)]
