"""The command as a fork of a process that has imported it: starting Python anew takes 0.4 s a time.

A command has its own process, environment, directory, output and exit code, as users have it. What
is not as users have it is that all modules are imported; so `command_line.py` starts every verb
anew the first time.
"""

import atexit
import importlib
import json
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import orchestrator
from orchestrator.cli import main

TOP = Path(__file__).parents[2]
LONGEST_REQUEST, LONGEST_ANSWER = 128 * 1024, 32
SCRIPTS_OF_ALEMBIC = "orchestrator.catalog.sql.migrations"


class WarmCommand:
    """A process that forks a command whenever it is asked to; it ends with `close`, or with us."""

    def __init__(self) -> None:
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.warm_command", str(theirs.fileno())],
                cwd=TOP,
                env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    def run(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        within: float,
    ) -> tuple[int, str, str]:
        """Return exit code, output and errors of a command; it is killed after so many seconds."""
        request = json.dumps([list(arguments), str(folder), dict(environment)]).encode()
        answers, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, answers:
            with theirs:
                files = [out.fileno(), err.fileno(), theirs.fileno()]
                socket.send_fds(self._requests, [request], files)
            code = _wait_for_end(answers, within)
            out.seek(0)
            err.seek(0)
            return code, out.read().decode(), err.read().decode()

    def close(self) -> None:
        """End the process."""
        self._requests.close()
        self._process.wait()


@cache
def warm_command() -> WarmCommand:
    """The one of this process, which ends with it."""
    command = WarmCommand()
    atexit.register(command.close)
    return command


def _wait_for_end(answers: socket.socket, within: float) -> int:
    process = int(answers.recv(LONGEST_ANSWER))
    answers.settimeout(within)
    try:
        return int(answers.recv(LONGEST_ANSWER))
    except TimeoutError:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        answers.settimeout(None)
        answers.recv(LONGEST_ANSWER)
        raise


# ---------------------------------------------------------------- in the process that forks
def _serve(requests: socket.socket) -> None:
    _import_everything()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, files, _, _ = socket.recv_fds(requests, LONGEST_REQUEST, 3)
        if not request:
            return
        if os.fork() == 0:
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            out, err, answers = files
            _watch(answers, out, err)
            _be_command(*json.loads(request))
        for file in files:
            os.close(file)


def _import_everything() -> None:
    for module in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if not module.name.startswith(SCRIPTS_OF_ALEMBIC) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _watch(answers: int, out: int, err: int) -> None:
    """Return in a new process that has the output; say here which it is, and how it ended."""
    process = os.fork()
    if process == 0:
        os.close(answers)
        for file, number in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (err, 2)):
            os.dup2(file, number)
            os.close(file)
        return
    os.write(answers, b"%d" % process)
    _, status = os.waitpid(process, 0)
    os.write(answers, b"%d" % os.waitstatus_to_exitcode(status))
    os._exit(0)


def _be_command(arguments: list[str], folder: str, environment: dict[str, str]) -> None:
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    sys.argv[1:] = arguments
    main.main()


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _serve(asked)
