"""A dead man's switch is told that all is well only while every promise holds and is proved."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from threading import Event
from time import monotonic

import pytest

from orchestrator.execution.context import Execution
from orchestrator.execution.executor import execute
from orchestrator.execution.send_heartbeats import Beat, Heartbeats
from orchestrator.heartbeat.memory import MemoryHeartbeat
from orchestrator.model.policy import Policy
from orchestrator.model.run import LogAction
from orchestrator.model.secret import Secret
from orchestrator.model.verification import Level
from orchestrator.ports.heartbeat import Answer, HeartbeatSender
from orchestrator.reconciler.observe import observe
from orchestrator.reconciler.passes import run_pass
from tests.support.builders import a_desired_state, a_policy
from tests.unit.execution.world import World, by_hand

URL = "https://beat.example/0c8983c9"


def watched(name: str = "practice", url: str = URL, level: Level = Level.CONTENT) -> Policy:
    return replace(a_policy(name, after_backup=level), heartbeat=Secret(url, "${env:BEAT}"))


@dataclass
class Scene:
    """A world whose policies are watched, one process in it, and the service."""

    world: World
    service: MemoryHeartbeat = field(default_factory=MemoryHeartbeat)
    heart: Heartbeats = field(default_factory=Heartbeats)
    sender: HeartbeatSender | None = None

    def execution(self) -> Execution:
        return replace(self.world.process(), heartbeat=self.sender or self.service)

    def beat(self, patience: float = 5) -> tuple[Beat, ...]:
        execution = self.execution()
        seen = observe(execution.desired, execution.reader, execution.clock, execution.machine)
        return self.heart.beat(execution, seen, patience=patience)

    @property
    def told(self) -> list[bool]:
        return [is_well for _, is_well, _ in self.service.received]


def a_scene(*policies: Policy) -> Scene:
    return Scene(World(desired=a_desired_state(*(policies or (watched(),)))))


def test_all_is_well_once_the_newest_backup_is_proved_as_promised():
    scene = a_scene()
    run_pass(scene.world.process())
    [beat] = scene.beat()

    assert beat == Beat(policies=("practice",), is_well=True, answer=beat.answer)
    [(url, is_well, words)] = scene.service.received
    assert (url, is_well) == (URL, True)
    assert words == "practice: every promise holds; 1 series proved as promised, none older than 0s"


def test_without_any_backup_nothing_is_well_although_no_promise_is_broken_yet():
    scene = a_scene()
    scene.beat()

    assert scene.service.received == [(URL, False, "practice: practice/app: there is no backup")]


def test_a_broken_promise_is_told_at_the_failure_address():
    scene = a_scene()
    run_pass(scene.world.process())
    scene.beat()
    scene.world.wait(timedelta(days=2))
    scene.beat()

    assert scene.told == [True, False]
    assert "daily is broken since 2026-11-" in scene.service.received[-1][2]


def test_a_backup_that_is_not_proved_as_promised_is_not_well():
    scene = a_scene(watched(level=Level.OBJECTS))
    run_pass(scene.world.process())
    scene.world.desired = a_desired_state(watched(level=Level.CONTENT))
    scene.beat()

    [(_, is_well, words)] = scene.service.received
    assert not is_well
    assert "the newest backup is verified to objects alone, not to content" in words


def test_equal_pings_are_a_minute_apart_and_a_change_is_told_at_once():
    scene = a_scene()
    scene.beat()
    run_pass(scene.world.process())
    for _ in range(5):
        scene.beat()
    assert scene.told == [False, True]

    scene.world.wait(timedelta(minutes=1))
    scene.beat()
    assert scene.told == [False, True, True]


def test_one_address_for_two_policies_is_well_only_with_both():
    scene = a_scene(watched(), watched("archive"))
    execute(by_hand(), scene.execution())
    [beat] = scene.beat()

    assert beat.policies == ("practice", "archive")
    assert scene.told == [False]


def test_two_addresses_are_told_apart():
    scene = a_scene(watched(), watched("archive", "https://beat.example/other"))
    execute(by_hand(), scene.execution())
    scene.beat()

    assert {url: is_well for url, is_well, _ in scene.service.received} == {
        URL: True,
        "https://beat.example/other": False,
    }


def test_a_policy_without_a_heartbeat_pings_nobody():
    scene = Scene(World())

    assert scene.beat() == ()
    assert scene.service.received == []


def test_a_service_that_takes_nothing_is_logged_once_and_its_return_too():
    scene = a_scene()
    for is_dead in (True, True, True, False, False):
        scene.service.dead = is_dead
        scene.beat()
        scene.world.wait(timedelta(minutes=1))

    entries = [e for e in scene.world.catalog.log() if e.action is LogAction.HEARTBEAT]
    assert [(e.subject, e.outcome.value, dict(e.detail)) for e in entries] == [
        ("practice", "failed", {"answer": "503"}),
        ("practice", "succeeded", {"answer": "200"}),
    ]


@dataclass
class Hanging:
    let_go: Event = field(default_factory=Event)

    def ping(self, url: Secret, *, is_well: bool, words: str) -> Answer:
        del url, is_well, words
        self.let_go.wait(30)
        return Answer(is_taken=True, words="200")


def test_a_service_that_hangs_delays_nobody_and_is_not_asked_twice():
    scene, hanging = a_scene(), Hanging()
    scene.sender = hanging
    began = monotonic()
    for _ in range(3):
        assert scene.beat(patience=0) == ()
        scene.world.wait(timedelta(minutes=1))
    assert monotonic() - began < 1
    hanging.let_go.set()
    assert [beat.answer.is_taken for beat in scene.beat()] == [True]


class Strange:
    def ping(self, url: Secret, *, is_well: bool, words: str) -> Answer:
        raise ZeroDivisionError(url.reveal(), is_well, words)


def test_a_defect_in_pinging_is_an_answer_without_the_address(caplog: pytest.LogCaptureFixture):
    scene = a_scene()
    scene.sender = Strange()

    [beat] = scene.beat()
    assert beat.answer == Answer(is_taken=False, words="an unexpected ZeroDivisionError")
    assert URL not in caplog.text
