"""A watch that ends for any reason ends the run, too."""

import logging
import threading
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.clock import SystemClock
from orchestrator.engines.postgres.backup import watch as module
from orchestrator.engines.postgres.backup.watch import Watch
from orchestrator.errors import UnexpectedError


def a_watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """A watch over a session that answers, with an observer that answers what nobody expects."""
    monkeypatch.setattr(module, "INTERVAL", timedelta(milliseconds=1))
    coordinator: Any = SimpleNamespace(
        execute=lambda _: None,
        info=SimpleNamespace(parameter_status=lambda _: "orchestrator:test", dbname="app"),
    )
    strange = SimpleNamespace(fetchone=lambda: (7, "not a number"))
    observer: Any = SimpleNamespace(execute=lambda *_: strange)
    return Watch(
        coordinator=coordinator,
        observer=observer,
        clock=SystemClock(),
        max_duration=timedelta(minutes=1),
        yield_after=timedelta(seconds=30),
    )


def test_a_defect_in_the_watch_breaks_the_run_off_and_is_raised(monkeypatch: pytest.MonkeyPatch):
    watch, broken_off = a_watch(monkeypatch), threading.Event()
    watch.start(broken_off.set)
    assert broken_off.wait(10)
    watch.stop()
    with pytest.raises(UnexpectedError, match="ValueError ended the watch over the run"):
        watch.check()


def test_everything_is_broken_off_even_if_a_part_of_it_fails(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    watch, broken_off = a_watch(monkeypatch), threading.Event()

    def fail() -> None:
        raise RuntimeError("no such session")

    with caplog.at_level(logging.WARNING):
        watch.start(fail, broken_off.set)
        assert broken_off.wait(10)
        watch.stop()
    assert [record.message for record in caplog.records] == ["run_not_broken_off"]
    with pytest.raises(UnexpectedError, match="ValueError"):
        watch.check()
