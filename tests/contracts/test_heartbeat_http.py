"""Heartbeats over HTTP keep the contract, against a real server on loopback."""

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from orchestrator.heartbeat.http_heartbeat import HttpHeartbeat
from orchestrator.model.secret import Secret
from tests.contracts.heartbeat_contract import HeartbeatContract, Received
from tests.support.heartbeat_service import TOKEN, HeartbeatService, heartbeat_service


@pytest.fixture
def service() -> Iterator[HeartbeatService]:
    with heartbeat_service() as running:
        yield running


@pytest.fixture
def sender() -> HttpHeartbeat:
    return HttpHeartbeat(timeout=0.5)


class TestHttpHeartbeat(HeartbeatContract):
    @pytest.fixture
    def url(self, service: HeartbeatService) -> Secret:
        return service.url

    @pytest.fixture
    def received(self, service: HeartbeatService) -> Received:
        return lambda: service.verdicts

    @pytest.fixture
    def break_service(self, service: HeartbeatService) -> Callable[[], None]:
        return lambda: setattr(service, "status", 503)


def test_failure_has_an_address_of_its_own(service: HeartbeatService, sender: HttpHeartbeat):
    sender.ping(service.url, is_well=False, words="x")
    query = Secret(f"{service.url.reveal()}/?create=1", "x")
    sender.ping(query, is_well=False, words="y")

    assert service.received == [(f"/{TOKEN}/fail", "x"), (f"/{TOKEN}/fail?create=1", "y")]


def test_a_service_that_hangs_is_given_up(service: HeartbeatService, sender: HttpHeartbeat):
    service.let_go.clear()
    began = monotonic()
    answer = sender.ping(service.url, is_well=True, words="x")

    assert not answer.is_taken
    assert "timed out" in answer.words
    assert monotonic() - began < 3


@pytest.mark.parametrize("to", ["ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://h"])
def test_a_redirect_to_another_kind_of_place_is_not_followed(
    service: HeartbeatService, sender: HttpHeartbeat, to: str
):
    service.status, service.headers = 302, {"Location": to}

    assert not sender.ping(service.url, is_well=True, words="x").is_taken


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("http://127.0.0.1:1/hidden", "hidden"),
        ("http://hidden.invalid/x", "hidden"),
        ("http://127.0.0.1:hidden/x", "hidden"),
        ("ftp://127.0.0.1/hidden", "hidden"),
        ("http://[hidden/", "hidden"),
    ],
)
def test_no_address_is_in_the_words_about_what_went_wrong(
    sender: HttpHeartbeat, text: str, hidden: str
):
    answer = sender.ping(Secret(text, "x"), is_well=True, words="x")

    assert not answer.is_taken
    assert hidden not in answer.words
