"""This machine, asked through ``/proc``: who we are, and which processes still run."""

import os
import pwd
import secrets
import socket
from pathlib import Path
from typing import final

from typing_extensions import override

from orchestrator.model.run import Actor
from orchestrator.ports.machine import Machine

PROC = Path("/proc")

DEAD_STATES = frozenset("ZXx")
"""Zombies have ended; only their exit code waits for somebody to read it (proc(5))."""


@final
class ThisMachine(Machine):
    """The Linux machine, or container, that this process runs on."""

    @override
    def whoami(self) -> Actor:
        process = os.getpid()
        _, started = read_process(process) or ("R", 0)
        return Actor(
            user=user_name(),
            host=socket.gethostname(),
            process=process,
            process_started=started,
            boot_id=boot_id(),
        )

    @override
    def is_gone(self, actor: Actor) -> bool:
        if actor.host != socket.gethostname():
            return False
        their_boot, _, their_namespace = actor.boot_id.partition("/")
        our_boot, _, our_namespace = boot_id().partition("/")
        if their_boot != our_boot:
            return True
        if their_namespace != our_namespace:
            return False
        return not is_running(actor.process, started=actor.process_started)

    @override
    def random_hex(self, digits: int) -> str:
        return secrets.token_hex((digits + 1) // 2)[:digits]


def user_name() -> str:
    """Return the name of the effective user, or the number of one that has no name.

    The environment is not asked: ``LOGNAME`` says whatever it was set to.
    """
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def boot_id() -> str:
    """Return the kernel's boot id, ``/``, and the number of our process namespace.

    Containers that share a host name and a kernel number their processes independently, so a
    process number means something only together with its namespace.
    """
    kernel = (PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    try:
        return f"{kernel}/{(PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return kernel


def is_running(process: int, *, started: int) -> bool:
    """Return whether the process that began at ``started`` (clock ticks since boot) still runs."""
    found = read_process(process)
    if found is None:
        return is_hidden(process)
    state, begun = found
    return begun == started and state not in DEAD_STATES


def read_process(process: int) -> tuple[str, int] | None:
    """Return state letter and start time (clock ticks since boot), or None if it cannot be seen."""
    try:
        line = (PROC / str(process) / "stat").read_bytes()
    except OSError:
        return None
    # The second field is the program's name in brackets, which may hold blanks and brackets.
    fields = line[line.rindex(b")") + 2 :].split()
    return fields[0].decode("ascii"), int(fields[19])


def is_hidden(process: int) -> bool:
    """Return whether a process is there although ``/proc`` does not show it to us (hidepid)."""
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
