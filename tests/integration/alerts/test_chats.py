"""What chats are sent: the payload that Apprise's own plugins make of our messages.

``UPDATE_GOLDEN=1 pytest tests/integration/alerts`` writes ``tests/golden/alerts/slack_*.json`` anew.
"""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from apprise import NotifyFormat
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram
from hypothesis import given, settings

from orchestrator.alerts.apprise_sender import AppriseSender, load_services
from orchestrator.alerts.letter import choose_form, write_letter
from orchestrator.model.alert import Alert, AlertKind, Delivery, DeliveryState
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel, Event
from orchestrator.model.secret import Secret
from tests.integration.alerts.receivers import Webhook, a_webhook
from tests.support.every_trouble import CASES, a_digest, tell
from tests.unit.alerts.samples import NASTY, TROUBLES, alerts, an_error, of_many_series

GOLDEN = Path(__file__).parents[2] / "golden" / "alerts"
FAILED = TROUBLES[Event.FAILED]
HOSTILE = replace(FAILED, error=an_error("ORC-200", NASTY, NASTY))
RECOVERED = replace(FAILED, kind=AlertKind.RECOVERED, next_command="orchestrator status practice")
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
SLACK_BLOCK_LIMIT, SLACK_HEADER_LIMIT = 3000, 150


def send(alert: Alert, url: str) -> Delivery:
    channel = Channel(name=ChannelName("chat"), url=Secret(url, "${env:CHAT_URL}"))
    return AppriseSender().send(alert, channel)


def on_loopback(plugin: type, attribute: str, path: str, webhook: Webhook, patch: Any) -> None:  # noqa: ANN401 - MonkeyPatch
    """Let a plugin, which knows its service's address by heart, talk to a server of ours."""
    patch.setattr(plugin, attribute, f"http://{webhook.address}{path}")


@pytest.mark.parametrize(
    ("name", "alert", "options"),
    [
        ("one_database", FAILED, ""),
        ("one_database_as_blocks", FAILED, "?blocks=yes"),
        ("many_databases", of_many_series(), ""),
        ("recovered", RECOVERED, ""),
        ("digest", a_digest(), ""),
        ("hostile_words", HOSTILE, ""),
        *((name, next(iter(tell(case))), "") for name, case in CASES.items()),
    ],
)
def test_slack_is_sent_what_was_agreed(
    name: str, alert: Alert, options: str, monkeypatch: pytest.MonkeyPatch
):
    with a_webhook() as webhook:
        on_loopback(NotifySlack, "webhook_url", "/services", webhook, monkeypatch)
        delivery = send(alert, SLACK + options)
    assert delivery.state is DeliveryState.SENT, delivery.answer
    (payload,) = webhook.messages
    payload["attachments"][0].pop("ts", None)  # Apprise takes it from the clock
    text = json.dumps(payload, indent=2, ensure_ascii=False) + "\n"
    file = GOLDEN / f"slack_{name}.json"
    if os.environ.get("UPDATE_GOLDEN") == "1":
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")


def test_what_slack_answers_to_a_message_that_it_refuses_is_told(monkeypatch: pytest.MonkeyPatch):
    with a_webhook(status=404) as webhook:
        webhook.answer = b"no_service"
        on_loopback(NotifySlack, "webhook_url", "/services", webhook, monkeypatch)
        delivery = send(FAILED, SLACK)
    assert delivery.state is DeliveryState.FAILED
    assert "error=404" in delivery.answer
    assert "no_service" in delivery.answer


# ------------------------------------------------------------------ whatever the words are
@settings(max_examples=40)
@given(alert=alerts())
def test_a_message_fits_into_a_block_of_slack_and_mentions_and_links_nothing(alert: Alert):
    service = a_service(SLACK)
    letter = write_letter(alert, service)
    shown = service.dialect_convert(letter.body, NotifyFormat.MARKDOWN)
    assert len(shown) <= SLACK_BLOCK_LIMIT
    assert "<" not in shown
    assert len(letter.title.replace("&", "&amp;").replace("<", "&lt;")) <= SLACK_HEADER_LIMIT


@settings(max_examples=40)
@given(alert=alerts())
def test_a_message_fits_where_the_title_becomes_a_part_of_it(alert: Alert):
    service = a_service("tgram://123456789:abcdefg_hijklmnop/12315544/")
    letter = write_letter(alert, service)
    assert len(f"<b>{letter.title}</b><br />\r\n{letter.body}") <= NotifyTelegram.body_maxlen


def test_a_title_that_becomes_a_part_of_the_body_is_no_markup_there():
    as_html = write_letter(HOSTILE, a_service("tgram://123456789:abcdefg_hijklmnop/12315544/"))
    as_markdown = write_letter(HOSTILE, a_service("gchat://workspace/key/token"))
    assert "&lt;s" in as_html.title
    assert as_markdown.title[0] == as_markdown.title[-1] == "`"
    assert as_markdown.title.count("`") == 2


def a_service(url: str) -> Any:  # noqa: ANN401 - each service is a class of its own
    services = load_services(url)
    assert services is not None
    return services[0]


@pytest.mark.parametrize(
    ("url", "form"),
    [
        (SLACK, "markdown"),
        (f"{SLACK}?format=text", "text"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "markdown"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js?format=text", "text"),
        ("gchat://workspace/key/token", "markdown"),
        ("mailto://user:pass@example.org", "html"),
        ("mailto://user:pass@example.org?format=text", "text"),
        ("tgram://123456789:abcdefg_hijklmnop/12315544/", "html"),
        ("json://localhost", "text"),
        ("json://localhost?format=markdown", "markdown"),
        ("pagerduty://a@b", "text"),
    ],
)
def test_every_service_gets_the_form_that_its_readers_see_best(url: str, form: str):
    assert choose_form(a_service(url)).value == form


def test_discord_takes_what_it_is_sent_in_one_piece(monkeypatch: pytest.MonkeyPatch):
    with a_webhook(status=204) as webhook:
        on_loopback(NotifyDiscord, "notify_url", "/api/webhooks", webhook, monkeypatch)
        delivery = send(of_many_series(), "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js")
    assert delivery.state is DeliveryState.SENT, delivery.answer
    (payload,) = webhook.messages
    assert "Next command" in json.dumps(payload)
    assert (
        len(payload.get("content") or payload["embeds"][0]["description"])
        <= NotifyDiscord.body_maxlen
    )
