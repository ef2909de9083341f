"""A PostgreSQL server of our own that leaves nothing behind.

For the demo, the drills and the tests. Its folder lies in the system's temporary directory; the
server is a child that dies with this process; a folder whose process was killed is removed when the
next cluster starts. PostgreSQL refuses to run as root, so root's clusters run as ``nobody``.
"""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.parse import quote, urlencode

import psycopg

from orchestrator.engines.postgres.children import (
    CompletedChild,
    run_child,
    start_child,
    start_survivor,
)
from orchestrator.engines.postgres.leftovers import FOLDER_PREFIX, own_mark, remove_leftovers
from orchestrator.engines.postgres.programs import copy_for_others, reachable_by_others
from orchestrator.errors import ClientProgramError

SUPERUSER = "postgres"

_UNPRIVILEGED_USER = "nobody"
_START_TIMEOUT = 60.0  # seconds; 0.1 s is usual
_INITDB_TIMEOUT = 120.0  # seconds; 0.6 s is usual
_STOP_TIMEOUT = 30.0  # seconds
_SOCKET_PATH_LIMIT = 90  # bytes of folder; sockaddr_un holds 107 with the socket's name
_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


class ThrowawayCluster:
    """A new, empty PostgreSQL server for as long as a ``with`` block lasts.

    ``programs`` is the directory of initdb and postgres. Without ``listen_on_loopback`` only a
    socket in a private folder exists; with it the server also listens on a free port of 127.0.0.1,
    and asks for a password there. ``settings`` are lines of postgresql.conf.

    Raises:
        ClientProgramError: on entering, when the server cannot be made or started; with its words.
    """

    def __init__(
        self,
        programs: Path,
        *,
        listen_on_loopback: bool = False,
        settings: Mapping[str, str] | None = None,
        encoding: str = "UTF8",
    ) -> None:
        """Note what is wanted; nothing exists before the ``with`` block is entered."""
        self.programs = programs
        self.password = secrets.token_urlsafe(18)
        self.port = 5432
        self._listen = listen_on_loopback
        self._settings = dict(settings or {})
        self._encoding = encoding
        self._user = _UNPRIVILEGED_USER if os.geteuid() == 0 else None
        self._folder: Path | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._detached = False

    def __enter__(self) -> Self:
        """Remove what killed processes left, then create and start the server."""
        parent = _short_temporary_directory(self._user)
        remove_leftovers(parent)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{FOLDER_PREFIX}{own_mark()}-", dir=parent))
        try:
            self._prepare()
            self.start()
        except BaseException:
            self._clean_up()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server and remove its folder, unless it was detached."""
        if not self._detached:
            self._clean_up()

    # ------------------------------------------------------------------ where it is
    @property
    def folder(self) -> Path:
        """The private folder that holds its data, socket and log."""
        if self._folder is None:
            raise ValueError("the cluster was not entered")
        return self._folder

    @property
    def process_id(self) -> int | None:
        """The process id of the running server, or None."""
        return None if self._server is None else self._server.pid

    def url(
        self, database: str = "postgres", *, user: str = SUPERUSER, password: str | None = None
    ) -> str:
        """Return the URL of a database; the superuser's password is filled in."""
        if not self._listen:
            query = urlencode({"host": self.folder, "port": self.port, "user": user})
            return f"postgresql:///{quote(database, safe='')}?{query}"
        if password is None and user == SUPERUSER:
            password = self.password
        secret = "" if password is None else f":{quote(password, safe='')}"
        authority = f"{quote(user, safe='')}{secret}@127.0.0.1:{self.port}"
        return f"postgresql://{authority}/{quote(database, safe='')}"

    def log(self) -> str:
        """Return what the server has written to its log so far."""
        return (self.folder / "server.log").read_text("utf-8", "replace")

    # ------------------------------------------------------------------ running
    def start(self) -> None:
        """Start the server and return when it accepts connections; it dies with this process."""
        self._start(survive=False)

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: ``smart``, ``fast``, ``immediate``, or ``kill`` for SIGKILL."""
        server, self._server = self._server, None
        if server is None:
            return
        server.send_signal(_SIGNALS.get(mode, signal.SIGKILL))
        try:
            server.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()

    def restart(self) -> None:
        """Stop the server at once but orderly, and start it again at the same address."""
        self.stop()
        self.start()

    def detach(self) -> None:
        """Restart the server so that it and its folder outlive this process and the block.

        Until the server is stopped nobody removes the folder; after that, the next cluster does.
        """
        self.stop()
        self._start(survive=True)
        self._detached = True

    # ------------------------------------------------------------------ making it
    def _prepare(self) -> None:
        folder = self.folder
        folder.chmod(0o700)
        if self._user is not None:
            self._give_to_user(folder)
            if not reachable_by_others(self.programs):
                self.programs = copy_for_others(self.programs, folder / "programs")
        if self._listen:
            self.port = _free_port()
        self._initialise()
        self._write_settings()

    def _initialise(self) -> None:
        password_file = self.folder / "initial-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password, "utf-8")
        self._give_to_user(password_file)
        answer = self._run_initdb(password_file, "C.UTF-8" if self._encoding == "UTF8" else "C")
        if answer.returncode != 0 and b"invalid locale" in answer.stderr:
            answer = self._run_initdb(password_file, "C")
        if answer.returncode != 0:
            raise _did_not_start("initdb failed", answer.words)
        password_file.unlink()

    def _run_initdb(self, password_file: Path, locale: str) -> CompletedChild:
        options = (
            f"--pgdata={self._data}",
            f"--username={SUPERUSER}",
            f"--encoding={self._encoding}",
            f"--locale={locale}",
            f"--pwfile={password_file}",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--no-sync",
        )
        return run_child(
            [str(self.programs / "initdb"), *options],
            environment=_ENVIRONMENT,
            timeout=_INITDB_TIMEOUT,
            user=self._user,
        )

    def _write_settings(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1" if self._listen else "",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            # Segments in /dev/shm would survive a killed server; files in its folder do not.
            "dynamic_shared_memory_type": "mmap",
            **self._settings,
        }
        lines = [f"{name} = {_quote_setting(value)}\n" for name, value in settings.items()]
        file = self._data / "postgresql.auto.conf"
        file.write_text("".join(lines), "utf-8")
        self._give_to_user(file)

    def _start(self, *, survive: bool) -> None:
        if self._server is not None:
            return
        argv = [str(self.programs / "postgres"), "-D", str(self._data)]
        launch = start_survivor if survive else _start_with_output
        with (self.folder / "server.log").open("ab") as output:
            self._server = launch(argv, environment=_ENVIRONMENT, output=output, user=self._user)
        self._wait_until_ready(self._server)

    def _wait_until_ready(self, server: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while time.monotonic() < deadline:
            if server.poll() is not None:
                break
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            time.sleep(0.02)
        self.stop("immediate")
        raise _did_not_start("the PostgreSQL server did not start", self.log())

    def _clean_up(self) -> None:
        self.stop("immediate")
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _give_to_user(self, path: Path) -> None:
        if self._user is not None:
            owner = pwd.getpwnam(self._user)
            os.chown(path, owner.pw_uid, owner.pw_gid)


def _start_with_output(
    argv: list[str], *, environment: Mapping[str, str], output: IO[bytes], user: str | None
) -> subprocess.Popen[bytes]:
    return start_child(argv, environment=environment, stdout=output, stderr=output, user=user)


def _short_temporary_directory(user: str | None) -> Path:
    chosen = Path(tempfile.gettempdir())
    hidden = user is not None and not reachable_by_others(chosen)
    too_long = len(os.fsencode(chosen)) > _SOCKET_PATH_LIMIT - 40
    return Path("/tmp") if hidden or too_long else chosen  # noqa: S108 - mkdtemp makes it private


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _quote_setting(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _did_not_start(what: str, words: str) -> ClientProgramError:
    return ClientProgramError(
        f"{what}: {' '.join(words.split())[-600:]}",
        next_step="see what it says, and whether the temporary directory has space",
    )
