"""Mails as a real server takes them: over STARTTLS, in two forms, with headers that hold."""

from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path

import pytest

from orchestrator.alerts.apprise_sender import AppriseSender
from orchestrator.model.alert import Alert, Cause, Delivery, DeliveryState
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Channel, Event
from orchestrator.model.secret import Secret
from tests.integration.alerts.receivers import a_mail_server, make_certificate, with_starttls
from tests.unit.alerts.samples import DIGEST, TROUBLES, of_many_series

ADDRESSES = "from=backup@example.org&to=ops@example.org"
FAILED = TROUBLES[Event.FAILED]


def send(alert: Alert, url: str) -> Delivery:
    channel = Channel(name=ChannelName("mail"), url=Secret(url, "${env:MAIL_URL}"))
    return AppriseSender().send(alert, channel)


def mail(alert: Alert) -> EmailMessage:
    with a_mail_server() as (mailbox, address):
        delivery = send(alert, f"mailto://{address}?{ADDRESSES}")
    assert delivery.state is DeliveryState.SENT, delivery.answer
    (message,) = mailbox.messages
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


# ------------------------------------------------------------------ what arrives
@pytest.mark.parametrize("alert", [FAILED, DIGEST, of_many_series()], ids=["one", "digest", "many"])
def test_a_mail_says_the_same_as_text_and_as_html(alert: Alert):
    message = mail(alert)
    assert message.get_content_type() == "multipart/alternative"
    text, html = part(message, "plain"), part(message, "html")
    for words in (
        alert.error.what,
        alert.next_command,
        *(said for fact in alert.facts for said in fact),
    ):
        assert words in text
        assert words in html
    assert "<" not in text


def test_the_subject_is_one_header_line_that_says_severity_what_it_hit_and_what_happened():
    subject = str(mail(FAILED)["Subject"])
    assert subject.startswith("[CRITICAL] practice/app: backup failed: the server")


@pytest.mark.parametrize(
    "name", ["app\r\nBcc: evil@example.org", "app\nX-Evil: 1\n\nbody", "büro €"]
)
def test_a_name_cannot_add_headers_to_a_mail(name: str):
    usual = mail(FAILED)
    message = mail(replace(FAILED, cause=Cause(Event.FAILED, f"practice/{name}")))
    assert sorted(message.keys()) == sorted(usual.keys())
    assert message.get_all("Subject") == [message["Subject"]]
    assert f"practice/{' '.join(name.split())}: backup failed" in message["Subject"]


# ------------------------------------------------------------------ how it gets there
@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return certificate


def test_a_mail_goes_over_starttls_to_a_server_whose_certificate_is_trusted(trusted: Path):
    with a_mail_server(**with_starttls(trusted)) as (mailbox, address):
        delivery = send(FAILED, f"mailtos://{address}?{ADDRESSES}")
    assert delivery.state is DeliveryState.SENT, delivery.answer
    assert mailbox.encrypted == [True]


def test_a_server_whose_certificate_is_unknown_gets_nothing_and_the_answer_says_why(
    certificate: Path,
):
    with a_mail_server(**with_starttls(certificate)) as (mailbox, address):
        delivery = send(FAILED, f"mailtos://{address}?{ADDRESSES}")
    assert (delivery.state, mailbox.messages) == (DeliveryState.FAILED, [])
    assert "CERTIFICATE_VERIFY_FAILED" in delivery.answer


def test_a_channel_can_be_told_not_to_verify_the_certificate(certificate: Path):
    with a_mail_server(**with_starttls(certificate)) as (mailbox, address):
        delivery = send(FAILED, f"mailtos://{address}?{ADDRESSES}&verify=no")
    assert delivery.state is DeliveryState.SENT, delivery.answer
    assert mailbox.encrypted == [True]


def test_a_server_that_refuses_the_password_is_quoted_without_the_password(certificate: Path):
    options = with_starttls(certificate) | {"auth_required": True}
    with a_mail_server(**options) as (mailbox, address):
        delivery = send(FAILED, f"mailtos://backup:CANARY99@{address}?{ADDRESSES}&verify=no")
    assert (delivery.state, mailbox.messages) == (DeliveryState.FAILED, [])
    assert "535" in delivery.answer
    assert "CANARY99" not in delivery.answer


def test_plain_smtp_gets_nothing_from_a_channel_that_asks_for_encryption():
    with a_mail_server() as (mailbox, address):
        delivery = send(FAILED, f"mailtos://{address}?{ADDRESSES}")
    assert (delivery.state, mailbox.messages) == (DeliveryState.FAILED, [])
    assert "STARTTLS" in delivery.answer
