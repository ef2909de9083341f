"""Telling dead man's switches after each look that the promises hold, or that they do not.

Policies may share an address: all is well there only if it is with all of them. A ping is made
beside the work, so a service that is slow delays nothing; what it answered is known at the next
look, or after a little patience.
"""

import logging
from collections.abc import Mapping
from concurrent.futures import Future, wait
from dataclasses import dataclass
from threading import Thread

from orchestrator.errors import OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.model.names import PolicyName
from orchestrator.model.observation import Observation
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.secret import Secret
from orchestrator.planning.health.pulse import Pulse, take_pulse
from orchestrator.ports.heartbeat import Answer, HeartbeatSender

EVERY = 60.0
"""Seconds between two equal pings of one address; a change is told at once."""

_log = logging.getLogger("orchestrator.heartbeat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """What was told to one address for some policies, and what it answered."""

    policies: tuple[PolicyName, ...]
    is_well: bool
    answer: Answer


@dataclass(slots=True)
class _Line:
    """One address: what it was told last and when (monotonic seconds), and what is under way."""

    told: bool | None = None
    at: float = float("-inf")
    policies: tuple[PolicyName, ...] = ()
    answer: Future[Answer] | None = None
    was_taken: bool = True


class Heartbeats:
    """Remembers what each address was told; one lives as long as its loop."""

    def __init__(self) -> None:
        """Start with nothing told."""
        self._lines: dict[str, _Line] = {}

    def beat(self, execution: Execution, seen: Observation, *, patience: float) -> tuple[Beat, ...]:
        """Ping every address whose time has come, and return what was answered since last time.

        Waits at most ``patience`` seconds for the answers. An answer that was not taken is logged
        once, until one is again.
        """
        now = execution.clock.monotonic()
        for url, pulses in _by_address(execution, seen).items():
            line = self._lines.setdefault(url.reveal(), _Line())
            is_well = all(pulse.is_well for pulse in pulses)
            if line.answer is None and (line.told is not is_well or now - line.at >= EVERY):
                line.told, line.at = is_well, now
                line.policies = tuple(pulse.policy for pulse in pulses)
                line.answer = _start(execution.heartbeat, url, is_well=is_well, pulses=pulses)
        wait([line.answer for line in self._lines.values() if line.answer], timeout=patience)
        return tuple(
            self._collect(line, execution)
            for line in self._lines.values()
            if line.answer is not None and line.answer.done()
        )

    def _collect(self, line: _Line, execution: Execution) -> Beat:
        answer = _answer_of(line.answer) if line.answer else _NO_ANSWER
        line.answer = None
        beat = Beat(policies=line.policies, is_well=line.told is True, answer=answer)
        if answer.is_taken != line.was_taken:
            _note(beat, execution)
        line.was_taken = answer.is_taken
        return beat


_NO_ANSWER = Answer(is_taken=False, words="no answer")


def _by_address(execution: Execution, seen: Observation) -> Mapping[Secret, list[Pulse]]:
    grouped: dict[Secret, list[Pulse]] = {}
    by_text: dict[str, Secret] = {}
    for policy in execution.desired.policies.values():
        if policy.heartbeat is not None and policy.heartbeat.reveal():
            url = by_text.setdefault(policy.heartbeat.reveal(), policy.heartbeat)
            grouped.setdefault(url, []).append(take_pulse(policy, seen))
    return grouped


def _start(
    sender: HeartbeatSender, url: Secret, *, is_well: bool, pulses: list[Pulse]
) -> Future[Answer]:
    words = "\n".join(f"{pulse.policy}: {pulse.words}" for pulse in pulses)
    answer: Future[Answer] = Future()

    def ping() -> None:
        try:
            answer.set_result(sender.ping(url, is_well=is_well, words=words))
        except BaseException as error:  # noqa: BLE001 whoever waits for the answer decides
            answer.set_exception(error)

    # A daemon: a process must be able to end while a service keeps a thread waiting.
    Thread(target=ping, name="heartbeat", daemon=True).start()
    return answer


def _answer_of(future: Future[Answer]) -> Answer:
    try:
        return future.result()
    except Exception as error:  # noqa: BLE001 what it says may quote the address, a secret
        return Answer(is_taken=False, words=f"an unexpected {type(error).__name__}")


def _note(beat: Beat, execution: Execution) -> None:
    subject = ", ".join(beat.policies)
    outcome = LogOutcome.SUCCEEDED if beat.answer.is_taken else LogOutcome.FAILED
    if not beat.answer.is_taken:
        _log.warning(
            "heartbeat_not_taken", extra={"policies": subject, "answer": beat.answer.words}
        )
    detail = {"answer": beat.answer.words}
    try:
        execution.writer.append_log(
            execution.log_entry(LogAction.HEARTBEAT, subject, outcome, detail)
        )
    except OrchestratorError as error:
        _log.warning("heartbeat_not_logged", extra={"code": error.code})
