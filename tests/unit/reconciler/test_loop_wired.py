"""A loop as the command wires it, over a catalog file that is lost while it runs (design §7; F69)."""

import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.model.policy import DesiredState
from orchestrator.model.secret import Secret
from orchestrator.ports.policies import ReadPolicies
from orchestrator.ports.progress import SilentProgress
from orchestrator.reconciler.loop import Loop, LoopEnd, Surroundings
from orchestrator.reconciler.policies_in_force import PoliciesInForce
from orchestrator.settings import Settings
from orchestrator.wiring import open_executions, system_clock
from tests.support.builders import a_desired_state, a_policy, a_source
from tests.unit.reconciler.loop_world import Asked

NOBODY = "postgresql://backup@127.0.0.1:9/"


class Files:
    """Policy files that nobody edits."""

    def __init__(self, desired: DesiredState) -> None:
        self._desired = desired

    def fingerprint(self) -> str:
        return ""

    def read(self) -> ReadPolicies:
        return ReadPolicies(desired=self._desired, problems=())


def policies_by_pattern() -> DesiredState:
    policy = a_policy(source=replace(a_source(NOBODY, databases=()), patterns=("app_*",)))
    desired = a_desired_state(policy)
    url = Secret("json://127.0.0.1:9/", "${env:ALERT_URL}")
    channels = {name: replace(one, url=url) for name, one in desired.channels.items()}
    return replace(desired, channels=channels)


class Sleeper:
    """Does not sleep, and asks the loop to stop after some time all the same."""

    def __init__(self, asked: Asked, sleeps: int) -> None:
        self._asked, self._left = asked, sleeps

    def sleep(self, seconds: float) -> None:
        del seconds
        self._left -= 1
        self._asked.stops = 0 if self._left else 1


def spoil(catalog: Path) -> None:
    """Make garbage of a catalog that somebody has open, whatever still lies beside it."""
    with closing(sqlite3.connect(catalog)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.write_bytes(b"garbage" * 10_000)


def test_a_catalog_that_is_lost_ends_no_loop_whose_databases_are_found_by_pattern(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    settings = Settings(policies=tmp_path, state=tmp_path / "state", catalog=None, environment={})
    desired, asked = policies_by_pattern(), Asked()
    outside = Surroundings(
        clock=system_clock(),
        sleeper=Sleeper(asked, sleeps=3),
        signals=asked,
        executions=open_executions(settings, SilentProgress()),
        grace=timedelta(0),
    )
    loop = Loop(PoliciesInForce(Files(desired), desired), outside)
    loop.look()
    spoil(settings.state / "catalog.sqlite3")
    with caplog.at_level(logging.WARNING, logger="orchestrator.reconciler.events"):
        assert loop.run() is LoopEnd.FINISHED
    assert "pass_failed" in caplog.messages
