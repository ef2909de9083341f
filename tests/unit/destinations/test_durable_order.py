"""Power cuts (F18): nothing is said to be stored before it is, and in an order that survives.

The order of calls into the operating system is the rule itself here, so they are recorded on their
way; each is still made. What a test sees is what `strace` would show, on any machine.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.destinations.local_directory import LocalDirectory, open_local_directory
from orchestrator.model.names import DestinationName, ObjectKey

KEY = ObjectKey("a/b/object")
WATCHED = ("mkdir", "write", "fsync", "link", "replace", "unlink")

Calls = list[tuple[str, str]]


def subject(name: str, arguments: tuple[Any, ...]) -> str:
    """Which file a call is about: its name, or where its descriptor leads to."""
    if name in {"write", "fsync"}:
        return Path(f"/proc/self/fd/{arguments[0]}").readlink().name
    return str(arguments[1] if name in {"link", "replace"} else arguments[0])


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    made: Calls = []

    def recording(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever os takes
            result = original(*arguments, **options)
            about = subject(name, arguments)
            made.append((name, "temporary" if about.startswith(".tmp-") else about))
            return result

        return call

    for name in WATCHED:
        monkeypatch.setattr(os, name, recording(name, getattr(os, name)))
    return made


@pytest.fixture
def local(tmp_path: Path) -> LocalDirectory:
    return open_local_directory(DestinationName("local"), tmp_path / "root")


WRITTEN = [("write", "temporary"), ("fsync", "temporary")]
PARENTS = [("mkdir", "a"), ("fsync", "root"), ("mkdir", "b"), ("fsync", "a")]


def test_create_is_write_fsync_link_fsync_of_the_directory(local: LocalDirectory, calls: Calls):
    local.create(KEY, b"rows")
    linked = [("link", "object"), ("unlink", "temporary"), ("fsync", "b")]
    assert calls == [*PARENTS, *WRITTEN, *linked]


def test_directories_are_made_durable_once(local: LocalDirectory, calls: Calls):
    local.create(KEY, b"rows")
    calls.clear()
    local.create(ObjectKey("a/b/other"), b"rows")
    assert calls == [*WRITTEN, ("link", "other"), ("unlink", "temporary"), ("fsync", "b")]


def test_a_directory_that_another_process_made_is_made_durable_too(
    local: LocalDirectory, calls: Calls, tmp_path: Path
):
    (tmp_path / "root" / "a" / "b").mkdir(parents=True)
    calls.clear()
    local.create(KEY, b"rows")
    assert calls[:2] == [("fsync", "root"), ("fsync", "a")]


def test_replace_is_write_fsync_rename_fsync_of_the_directory(local: LocalDirectory, calls: Calls):
    local.replace(KEY, b"rows")
    assert calls == [*PARENTS, *WRITTEN, ("replace", "object"), ("fsync", "b")]


def test_moving_aside_and_removing_are_durable(local: LocalDirectory, calls: Calls):
    local.create(KEY, b"rows")
    calls.clear()
    local.remove(local.move_aside(KEY))
    aside = [("link", "object.wrong-1"), ("unlink", "object"), ("fsync", "b")]
    assert calls == [*aside, ("unlink", "object.wrong-1"), ("fsync", "b")]


def test_a_new_root_is_durable(tmp_path: Path, calls: Calls):
    open_local_directory(DestinationName("local"), tmp_path / "root")
    assert calls == [("mkdir", str(tmp_path / "root")), ("fsync", tmp_path.name)]
