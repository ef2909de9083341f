"""What every heartbeat promises (orchestrator/ports/heartbeat.py).

A test file subclasses `HeartbeatContract` and gives the fixtures ``sender`` (a sender), ``url``
(the address of a working service), ``received`` (what it was told: verdicts and words) and
``break_service`` (a call that makes it answer no more).
"""

from collections.abc import Callable

from orchestrator.model.secret import Secret
from orchestrator.ports.heartbeat import HeartbeatSender

Received = Callable[[], list[tuple[bool, str]]]


class HeartbeatContract:
    def test_a_service_is_told_that_all_is_well(
        self, sender: HeartbeatSender, url: Secret, received: Received
    ):
        assert sender.ping(url, is_well=True, words="every promise holds").is_taken
        assert received() == [(True, "every promise holds")]

    def test_a_service_is_told_that_all_is_not_well(
        self, sender: HeartbeatSender, url: Secret, received: Received
    ):
        assert sender.ping(url, is_well=False, words="daily is broken").is_taken
        assert received() == [(False, "daily is broken")]

    def test_a_service_that_is_gone_is_an_answer_and_no_exception(
        self, sender: HeartbeatSender, url: Secret, break_service: Callable[[], None]
    ):
        break_service()
        answer = sender.ping(url, is_well=True, words="x")
        assert not answer.is_taken
        assert answer.words
        assert url.reveal() not in answer.words
