"""Child processes that die with us, see nothing of our environment and never show a password.

Rules kept here, for every program that the engine starts (``psql``, ``pg_dump``, ``pg_restore``,
``postgres``):

- A child is killed by the kernel when this process ends, however it ends. ``PR_SET_PDEATHSIG``
  fires when the *thread* that started the child ends, so one long-lived thread starts them all.
- Setting it takes code between fork and exec, which is not safe in a program with threads. A tiny
  launcher does it instead: a fresh Python that sets the signal, checks that we still live, and
  becomes the program. It costs 11 ms per child (``setpriv`` 2 ms, but it is not everywhere, and a
  backup starts a handful of children).
- The environment is built from nothing, so ``PGHOST``, ``PGOPTIONS`` or ``LD_PRELOAD`` of whoever
  called us change nothing.
- A child has a session of its own: Ctrl-C reaches us alone, and no program can ask for a password
  on the terminal.
"""

import os
import pwd
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from orchestrator.errors import ClientProgramError, SourceError

Stream = int | IO[bytes] | None
_Child = subprocess.Popen[bytes]

# Arguments: our process id or 0 for a child that may outlive us, user id or -1, group id, the
# program's argv. 1 is PR_SET_PDEATHSIG, 9 SIGKILL, 38 PR_SET_NO_NEW_PRIVS, 13 SIGPIPE, which Python
# ignores at its start and a program must not inherit. The identity is changed first, because
# changing it clears the death signal.
_LAUNCHER = """
import ctypes, os, sys
parent, user, group = map(int, sys.argv[1:4])
c = ctypes.CDLL(None)
if user >= 0:
    os.setgroups([]); os.setgid(group); os.setuid(user); os.chdir("/")
    c.prctl(38, 1, 0, 0, 0)
c.signal(13, None)
if parent:
    c.prctl(1, 9)
    if os.getppid() != parent:
        os._exit(1)
try:
    os.execv(sys.argv[4], sys.argv[4:])
except OSError as error:
    os.write(2, os.fsencode(f"{sys.argv[4]}: {error.strerror}\\n"))
    os._exit(127)
"""

# What a child may need from the caller's environment so that password files, service files,
# client certificates and Kerberos tickets work as users expect. Nothing that says where to connect.
_INHERITED = (
    "HOME",
    "PGPASSFILE",
    "PGSERVICEFILE",
    "PGSYSCONFDIR",
    "KRB5CCNAME",
    "KRB5_CONFIG",
)


_FINDERS = frozenset(name for name in _INHERITED if name.startswith("PG"))


def forget_libpq_variables() -> None:
    """Take out of our own environment what would steer libpq inside this process.

    ``PGHOST``, ``PGOPTIONS``, ``PGSSLMODE`` and the like change where and how a session connects
    that the policy files describe in full (reference/faults.md, S12); only what finds password and
    service files stays. Client programs get an environment of their own anyway.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        if name not in _FINDERS:
            os.environ.pop(name, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletedChild:
    """How a child ended: its exit status (negative: killed by that signal) and what it wrote."""

    returncode: int
    stdout: bytes
    stderr: bytes

    @property
    def words(self) -> str:
        """What it wrote to its standard error, as one trimmed text."""
        return self.stderr.decode("utf-8", "replace").strip()


def start_child(
    argv: Sequence[str | bytes],
    *,
    environment: Mapping[str, str],
    stdin: Stream = subprocess.DEVNULL,
    stdout: Stream = None,
    stderr: Stream = None,
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program, by its absolute path, that is killed when this process ends.

    ``environment`` is all that the child gets. With ``user``, which only root can ask for, it runs
    as that user, without supplementary groups, without a way to regain privileges, and in ``/``.
    May be called from any thread.

    Raises:
        ClientProgramError: there is no such program, or it may not be executed.
    """
    return _launch(
        _launcher_arguments(argv, parent=os.getpid(), user=user),
        environment=environment,
        streams=(stdin, stdout, stderr),
    )


def start_survivor(
    argv: Sequence[str | bytes],
    *,
    environment: Mapping[str, str],
    output: IO[bytes],
    user: str | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program that goes on when this process ends; ``output`` takes all that it writes.

    Raises:
        ClientProgramError: there is no such program, or it may not be executed.
    """
    return _launch(
        _launcher_arguments(argv, parent=0, user=user),
        environment=environment,
        streams=(subprocess.DEVNULL, output, output),
    )


def run_child(
    argv: Sequence[str | bytes],
    *,
    environment: Mapping[str, str],
    timeout: float | None,
    user: str | None = None,
    started: Callable[[subprocess.Popen[bytes]], None] | None = None,
) -> CompletedChild:
    """Run a program to its end and return all that it wrote; the exit status is not judged.

    It finds nothing to read. ``timeout`` is in seconds; None waits for ever. ``started`` is given the
    child, so that another thread can kill it.

    Raises:
        ClientProgramError: there is no such program, or it was killed after ``timeout``.
    """
    child = start_child(
        argv,
        environment=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        user=user,
    )
    with child:
        try:
            if started is not None:
                started(child)
            stdout, stderr = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as error:
            raise ClientProgramError(
                f"{os.fsdecode(argv[0])} did not end within {timeout:g} s and was killed",
                next_step="see whether the server answers, and whether the machine is overloaded",
            ) from error
        finally:
            child.kill()
    return CompletedChild(returncode=child.returncode, stdout=stdout, stderr=stderr)


def libpq_environment(
    *,
    inherited: Mapping[str, str],
    application_name: str,
    passfile: str | None = None,
    client_encoding: str | None = None,
) -> dict[str, str]:
    """Return the whole environment of a libpq program.

    ``inherited`` is the caller's environment, of which only what finds password files, service
    files, certificates and tickets is taken over. ``passfile`` is the name that `passfile` gave;
    without it the user's own password file counts.
    """
    environment = {name: inherited[name] for name in _INHERITED if inherited.get(name)}
    environment |= {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "PGAPPNAME": application_name,
        "PGCONNECT_TIMEOUT": "10",
    }
    if passfile is not None:
        environment["PGPASSFILE"] = passfile
    if client_encoding is not None:
        environment["PGCLIENTENCODING"] = client_encoding
    return environment


@contextmanager
def private_passfile(password: str) -> Iterator[str]:
    """Yield the name of a password file that gives ``password`` for every connection.

    It lies in memory, is readable by this user alone, and is gone when this process is, however it
    ends. The children that use it must have opened their connections before the context is left.

    Raises:
        SourceError: the password holds a line break, which no password file can carry.
    """
    if "\n" in password or "\r" in password:
        raise SourceError(
            "the database password contains a line break, which PostgreSQL's clients cannot read",
            next_step="give the role another password with ALTER ROLE … PASSWORD",
        )
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    descriptor = os.memfd_create("passfile", os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)  # libpq ignores a password file that others might read
        os.write(descriptor, f"*:*:*:*:{escaped}\n".encode())
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _launcher_arguments(
    argv: Sequence[str | bytes], *, parent: int, user: str | None
) -> list[str | bytes]:
    program = os.fsdecode(argv[0])
    if not (Path(program).is_absolute() and os.access(program, os.X_OK)):
        raise ClientProgramError(
            f"{program} is not a program that can be executed",
            next_step="run `orchestrator doctor`, which lists the client programs it finds",
        )
    identity = (-1, -1)
    if user is not None:
        entry = pwd.getpwnam(user)
        identity = (entry.pw_uid, entry.pw_gid)
    numbers = (str(parent), str(identity[0]), str(identity[1]))
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, *numbers, *argv]


def _launch(
    argv: Sequence[str | bytes],
    *,
    environment: Mapping[str, str],
    streams: tuple[Stream, Stream, Stream],
) -> subprocess.Popen[bytes]:
    stdin, stdout, stderr = streams
    return _starter(os.getpid()).start(
        lambda: subprocess.Popen(
            argv,
            env=dict(environment),
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
    )


class _Starter:
    """A thread that starts children, one after the other, and never hinders the end of the process.

    A pool's thread would: the end waits for it, and one that Ctrl-C met at its beginning is known
    to nobody who could end it. `restore` then hung after its last word (2 of 35 interrupted within
    the 0.3 s around the first child).
    """

    def __init__(self) -> None:
        self._asked = SimpleQueue[tuple[Future[_Child], Callable[[], _Child]]]()
        threading.Thread(target=self._start_all, name="child-starter", daemon=True).start()

    def start(self, launch: Callable[[], _Child]) -> _Child:
        """Return, or raise, what ``launch`` does in that thread."""
        answer = Future[_Child]()
        self._asked.put((answer, launch))
        return answer.result()

    def _start_all(self) -> None:
        while True:
            answer, launch = self._asked.get()
            try:
                answer.set_result(launch())
            except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
                answer.set_exception(error)
            # What is still named here would keep the pipes of the last child open.
            del answer, launch


@cache
def _starter(_process: int) -> _Starter:
    """Return the thread that starts all children of a process; a fork needs one of its own."""
    return _Starter()
