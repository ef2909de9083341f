"""What Apprise's transports do when a channel is down, slow, misspelt or only partly there."""

import logging
import subprocess
import sys
import time

import pytest

from orchestrator.alerts.apprise_sender import AppriseSender, innermost
from orchestrator.model.alert import Delivery, DeliveryState
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel
from orchestrator.model.secret import Secret
from tests.contracts.alert_sender_contract import an_alert
from tests.integration.alerts.receivers import (
    a_mail_server,
    a_port_that_hangs,
    a_port_that_refuses,
    a_webhook,
)

PASSWORD = "CANARY-pa/ss wörd"
QUOTED = "CANARY-pa%2Fss%20w%C3%B6rd"


def send(url: str, *, time_limit: float = 9.0) -> Delivery:
    channel = Channel(name=ChannelName("ops"), url=Secret(url, "${env:OPS_URL}"))
    return AppriseSender(time_limit).send(an_alert(), channel)


def test_an_email_arrives_over_plain_smtp_with_subject_and_body():
    with a_mail_server() as (mailbox, address):
        delivery = send(f"mailto://{address}?from=backup@example.org&to=ops@example.org")
    assert delivery.state is DeliveryState.SENT, delivery.answer
    (message,) = mailbox.messages
    assert message["Subject"].startswith(
        "[CRITICAL] practice/app: backup failed: server 10.0.0.5 refused"
    )
    body = message.get_body(("plain", "html"))
    assert body is not None
    assert "orchestrator status practice" in body.get_content()


def test_a_port_that_refuses_is_a_failure_in_words():
    with a_port_that_refuses() as address:
        delivery = send(f"json://{address}/hook")
    assert delivery.state is DeliveryState.FAILED
    assert delivery.answer == "JSON (failure): Connection refused"


def test_a_mail_server_that_refuses_is_a_failure_in_words():
    with a_port_that_refuses() as address:
        delivery = send(f"mailto://u:secret9@{address}?from=a@example.org&to=b@example.org")
    assert delivery.state is DeliveryState.FAILED
    assert "secret9" not in delivery.answer


def test_a_server_that_answers_500_is_a_failure_that_names_the_status():
    with a_webhook(status=500) as webhook:
        delivery = send(f"json://{webhook.address}/hook")
    assert delivery.state is DeliveryState.FAILED
    assert "500" in delivery.answer


@pytest.mark.parametrize("scheme", ["json", "mailto"])
def test_a_channel_that_hangs_is_a_failure_at_the_time_limit(scheme: str):
    with a_port_that_hangs() as address:
        before = time.monotonic()
        delivery = send(
            f"{scheme}://{address}?to=a@example.org&from=b@example.org&rto=60", time_limit=0.5
        )
    assert time.monotonic() - before < 2.0
    assert (delivery.state, delivery.answer) == (DeliveryState.FAILED, "no answer within 0.5 s")


def test_the_default_time_limit_is_less_than_ten_seconds():
    assert AppriseSender()._time_limit < 10


def test_a_channel_that_hangs_does_not_hold_up_the_end_of_the_program():
    script = (
        "import sys; from tests.integration.alerts.test_apprise_sender import send;"
        "print(send(sys.argv[1], time_limit=1.0).state.value)"
    )
    with a_port_that_hangs() as address:
        before = time.monotonic()
        ended = subprocess.run(
            [sys.executable, "-c", script, f"json://{address}?rto=30"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    assert time.monotonic() - before < 8
    assert (ended.stdout, ended.stderr) == ("failed\n", "")


def test_a_redirect_is_a_failure_because_what_follows_it_carries_no_message():
    with a_webhook() as elsewhere:
        target = f"http://{elsewhere.address}/moved"
        with a_webhook(status=302, location=target) as webhook:
            delivery = send(f"json://{webhook.address}/hook")
    assert delivery.state is DeliveryState.FAILED
    assert elsewhere.requests == []


@pytest.mark.parametrize("order", [(200, 500), (500, 200)])
def test_a_channel_of_two_services_is_delivered_only_if_both_took_it(order: tuple[int, int]):
    with a_webhook(status=order[0]) as one, a_webhook(status=order[1]) as other:
        delivery = send(f"json://{one.address}, json://{other.address}")
    assert delivery.state is DeliveryState.FAILED
    assert "partial" in delivery.answer


def test_a_service_marked_optional_has_not_delivered_what_it_did_not_take():
    with a_webhook(status=500) as webhook:
        delivery = send(f"json://{webhook.address}/hook?optional=yes")
    assert delivery.state is DeliveryState.FAILED


@pytest.mark.parametrize(
    "url",
    [
        "",
        " ",
        "nonsense",
        "nosuchservice://host/CANARY99",
        "slack://CANARY99",
        "json://",
        "http://[CANARY99",
        "file:///etc/passwd",
        "json://127.0.0.1:1, nosuchservice://CANARY99",
    ],
)
def test_a_url_that_apprise_does_not_accept_is_a_failure_in_words(url: str):
    delivery = send(url)
    assert delivery.state is DeliveryState.FAILED
    assert "does not accept" in delivery.answer
    assert "CANARY99" not in delivery.answer


@pytest.mark.parametrize("status", [200, 500])
def test_nothing_secret_reaches_a_log_or_a_stream_with_debug_on(
    status: int, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
):
    caplog.set_level(logging.DEBUG)
    with a_webhook(status=status) as webhook:
        url = f"json://user:{QUOTED}@{webhook.address}/CANARY-path?+token=CANARY-query&verify=no"
        delivery = send(url)
    assert len(webhook.messages) == 1
    captured = capfd.readouterr()
    seen = (caplog.text + captured.out + captured.err + delivery.answer + repr(delivery)).lower()
    assert "canary" not in seen
    assert captured.err == ""


def test_nothing_is_written_to_standard_error_by_a_program_without_logging():
    with a_port_that_refuses() as address:
        script = (
            "import sys; from tests.integration.alerts.test_apprise_sender import send;"
            "print([send(url).state.value for url in sys.argv[1:]])"
        )
        ended = subprocess.run(
            [sys.executable, "-c", script, f"json://u:CANARY@{address}/x", "nonsense://CANARY"],
            capture_output=True,
            text=True,
            check=True,
            timeout=20,
        )
    assert (ended.stdout, ended.stderr) == ("['failed', 'failed']\n", "")


def test_apprise_is_not_loaded_before_an_alert_is_sent():
    script = (
        "import sys, orchestrator.alerts.apprise_sender as sender; sender.AppriseSender();"
        "print('apprise' in sys.modules)"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=20
    )
    assert loaded.stdout == "False\n"


OUTER = "Max retries exceeded with url: / (Caused by "
REFUSED_INSIDE = (
    f"HTTPConnectionPool(host='h', port=9): {OUTER}NewConnectionError(\"HTTPConnection(host='h',"
    ' port=9): Failed to establish a new connection: [Errno 111] Connection refused"))'
)
UNTRUSTED = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed (_ssl.c:1000)"
UNTRUSTED_INSIDE = (
    f"HTTPSConnectionPool(host='h', port=9): {OUTER}SSLError(SSLCertVerificationError(1,"
    f" '{UNTRUSTED}')))"
)
TIMED_OUT = "Read timed out. (read timeout=4.0)"


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (REFUSED_INSIDE, "Connection refused"),
        (UNTRUSTED_INSIDE, UNTRUSTED),
        (f"HTTPConnectionPool(host='h', port=9): {TIMED_OUT}", TIMED_OUT),
        ("no_service", "no_service"),
    ],
)
def test_of_causes_within_causes_the_innermost_is_told(answer: str, cause: str):
    assert innermost(answer) == cause
