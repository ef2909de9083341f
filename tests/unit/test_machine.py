"""Who is gone: asked of real processes."""

import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from orchestrator.machine import ThisMachine
from orchestrator.model.run import Actor

SAY_WHO = (
    "from orchestrator.machine import ThisMachine; me = ThisMachine().whoami();"
    "print(me.user, me.host, me.process, me.process_started, me.boot_id, flush=True); input()"
)


@contextmanager
def a_child() -> Iterator[tuple[Actor, subprocess.Popen[str]]]:
    """Start a process that says who it is and then waits."""
    with subprocess.Popen(
        [sys.executable, "-c", SAY_WHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            user, host, process, started, boot = child.stdout.readline().split()
            yield Actor(user=user, host=host, process=int(process),
                        process_started=int(started), boot_id=boot), child  # fmt: skip
        finally:
            child.kill()


def test_we_are_the_process_and_user_that_the_system_says():
    me = ThisMachine().whoami()
    assert me.user == pwd.getpwuid(os.geteuid()).pw_name
    assert (me.host, me.process) == (socket.gethostname(), os.getpid())


def test_the_environment_does_not_decide_who_we_are(monkeypatch: pytest.MonkeyPatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    assert ThisMachine().whoami().user != "somebody-else"


def test_a_process_is_the_same_actor_however_often_it_is_asked():
    assert ThisMachine().whoami() == ThisMachine().whoami()


def test_we_are_not_gone():
    machine = ThisMachine()
    assert not machine.is_gone(machine.whoami())


def test_a_running_process_is_not_gone():
    with a_child() as (actor, _):
        assert not ThisMachine().is_gone(actor)


def test_a_stopped_process_is_not_gone():
    with a_child() as (actor, child):
        child.send_signal(signal.SIGSTOP)
        assert not ThisMachine().is_gone(actor)


def test_a_process_that_ended_is_gone():
    with a_child() as (actor, child):
        child.kill()
        child.wait()
        assert ThisMachine().is_gone(actor)


def test_a_zombie_is_gone():
    with a_child() as (actor, child):
        child.kill()
        # Wait for the end without taking the exit code, so that the zombie stays.
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert ThisMachine().is_gone(actor)


def test_a_later_process_under_the_same_number_is_not_the_actor():
    with a_child() as (actor, _):
        earlier = replace(actor, process_started=actor.process_started - 1)
        assert ThisMachine().is_gone(earlier)


def test_after_a_reboot_every_process_of_this_host_is_gone():
    me = ThisMachine().whoami()
    assert ThisMachine().is_gone(replace(me, boot_id="00000000-0000-4000-8000-000000000000"))


def test_nobody_knows_about_the_processes_of_another_host():
    me = ThisMachine().whoami()
    elsewhere = replace(me, host="another-host")
    assert not ThisMachine().is_gone(elsewhere)
    assert not ThisMachine().is_gone(replace(elsewhere, boot_id="other", process_started=1))


def test_nobody_knows_about_the_processes_of_another_container_of_this_host():
    me = ThisMachine().whoami()
    kernel = me.boot_id.partition("/")[0]
    neighbour = replace(me, boot_id=f"{kernel}/1", process_started=1)
    assert not ThisMachine().is_gone(neighbour)


@pytest.mark.parametrize("digits", [1, 2, 6, 7, 32])
def test_random_digits_are_as_many_as_asked_for_and_hexadecimal(digits: int):
    text = ThisMachine().random_hex(digits)
    assert len(text) == digits
    assert set(text) <= set("0123456789abcdef")


def test_random_digits_differ_each_time():
    assert len({ThisMachine().random_hex(12) for _ in range(100)}) == 100
