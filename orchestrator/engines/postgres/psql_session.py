r"""A long-lived psql whose COPY output arrives through a FIFO, with the server's row count.

Why psql, and why a FIFO: libpq's per-row cost in Python is 2 to 4 times the CPU of a psql that
writes to a pipe (docs/adr/0009), and after ``COPY … \g FILE`` psql knows the command's tag. So each
stream has two independent proofs of its end: the FIFO is closed, and psql says ``ERROR`` false and
a ``ROW_COUNT`` that must equal the number of lines that arrived (reference/postgres.md §1, rule 10).

Rows never share a channel with psql's own words: what is on the FIFO is data, and nothing else.
"""

import contextlib
import fcntl
import os
import re
import selectors
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO, Self

from orchestrator.engines.postgres.children import start_child
from orchestrator.engines.postgres.session import find_lack_of_connections
from orchestrator.errors import (
    IncompleteStreamError,
    LockTimeoutError,
    SourceError,
    SourceUnreachableError,
    StalledError,
    ValueTooLargeError,
)

# With the kernel's default of 64 KiB, psql and its reader wake each other for every 4 KiB that psql
# writes; 1 MiB is what an unprivileged user may ask for (1.95 s against 1.02 s for 215 MB).
PIPE_BYTES = 1 << 20

# Below the 128 KiB from which glibc maps and unmaps memory for each block; such blocks are also
# compressed while they are still in the processor's cache.
READ_BYTES = 120 << 10

# psql writes 4 KiB at a time, and a reader that sleeps in the kernel is woken for each. In a stream
# that has shown to be long, it lets the pipe fill for a moment instead: at 400 MB/s a pipe of 1 MiB
# takes 2.6 ms (docs/adr/0013). Short streams, of which there may be thousands, never wait.
LONG_STREAM_BYTES = 1 << 19
NAP_SECONDS = 0.001

# A value whose text takes more than 1 GiB is refused by the server's allocator (SQLSTATE XX000), one
# that does not fit beside others of its row by its buffer (54000).
_TOO_LARGE = ("invalid memory alloc request size", "nlarge string buffer")

_SERVER_SAYS = ("ERROR:", "FATAL:", "PANIC:")
_AND_ADDS = ("DETAIL:", "HINT:")

# psql 15 leaves the outcome of the statement before in its variables when a COPY fails after it has
# begun: "no error, 0 rows". So they are made worthless first, and whatever is not set anew has failed.
_FORGET = "\\set ERROR unknown\n\\set SQLSTATE unknown\n\\set ROW_COUNT -1\n"

_RESULT = re.compile(rb"done (\d+) (true|false|unknown) (\w+) (-?\d+)\n")


@dataclass(frozen=True, slots=True)
class _Result:
    failed: bool
    sqlstate: str
    rows: int


class PsqlSession:
    """One psql process and one connection; used by one thread at a time, closed by any."""

    def __init__(
        self,
        program: str,
        *,
        connection_string: str,
        environment: Mapping[str, str],
        stall_timeout: timedelta,
    ) -> None:
        """Start psql; the connection is made by the first statement."""
        self._stall = stall_timeout
        self._commands = 0
        self._pending = b""
        self._fifo = _unlinked_fifo()
        self._words: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._psql = start_child(
            [program, "-X", "-q", "-A", "-t", "-w", "-d", connection_string],
            environment=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._words,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def execute(self, statement: str) -> None:
        """Run one statement that returns no rows.

        Only one, because psql keeps the outcome of the last alone.

        Raises:
            SourceError: with the server's words; the class follows the SQLSTATE.
        """
        self._send(f"{statement}\n;")
        self._require_success(self._await_result(), "a worker session")

    def copy_out(self, statement: str, consume: Callable[[bytes], None], *, subject: str) -> int:
        """Run a COPY TO STDOUT, hand its text to ``consume``, and return the number of rows.

        Raises:
            IncompleteStreamError: the server's count differs from the lines that arrived.
            StalledError: no byte arrived for the stall time-out.
            SourceError: the server refused, or the connection broke.
        """
        fifo = f"/proc/{os.getpid()}/fd/{self._fifo}"
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            # Where the kernel gives no larger pipe, rows arrive as well, only more slowly.
            with contextlib.suppress(OSError):
                fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
            self._send(f"{statement} \\g '{fifo}'")
            lines, result = self._read_stream(reader, consume, subject)
        finally:
            os.close(reader)
        self._require_success(result, subject)
        if result.rows != lines:
            raise IncompleteStreamError(
                f"{subject}: the server counted {result.rows} rows, but {lines} arrived",
                next_step="run the backup again; if it repeats, report it with the server's version",
            )
        return lines

    def kill(self) -> None:
        """End psql at once, from any thread; whoever waits for it gets an error."""
        self._psql.kill()

    def close(self) -> None:
        """End psql and remove the FIFO; may be called twice."""
        self._psql.kill()
        self._psql.wait()
        for stream in (self._psql.stdin, self._psql.stdout, self._words):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        if self._fifo >= 0:
            os.close(self._fifo)
            self._fifo = -1

    def _send(self, statement: str) -> None:
        self._commands += 1
        text = f"{_FORGET}{statement}\n\\echo done {self._commands} :ERROR :SQLSTATE :ROW_COUNT\n"
        stdin = self._psql.stdin
        try:
            if stdin is None or stdin.closed:
                raise self._gone()
            stdin.write(text.encode("utf-8", "surrogateescape"))
            stdin.flush()
        except BrokenPipeError as error:
            raise self._gone() from error

    def _read_stream(
        self, reader: int, consume: Callable[[bytes], None], subject: str
    ) -> tuple[int, _Result]:
        lines, received, result, closed = 0, 0, None, False
        with selectors.DefaultSelector() as selector:
            selector.register(reader, selectors.EVENT_READ)
            selector.register(self._stdout(), selectors.EVENT_READ)
            while result is None or not closed:
                # psql answers after it closed the FIFO, so with the answer all rows are in the
                # pipe; a failed COPY never opens it, and then there is nothing to wait for.
                events = selector.select(0 if result else self._stall.total_seconds())
                if not events and result is None:
                    raise self._stalled(subject)
                ready = {key.fileobj for key, _ in events}
                if self._stdout() in ready:
                    result = self._read_result()
                block = _read_available(reader) if reader in ready or result else None
                if block:
                    consume(block)
                    lines += block.count(b"\n")
                    received += len(block)
                    if received > LONG_STREAM_BYTES and len(block) < READ_BYTES and not result:
                        time.sleep(NAP_SECONDS)
                elif block is not None:
                    closed = True
                    if reader in selector.get_map():
                        selector.unregister(reader)
        return lines, result

    def _await_result(self) -> _Result:
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout(), selectors.EVENT_READ)
            while True:
                if not selector.select(self._stall.total_seconds()):
                    raise self._stalled("a worker session")
                result = self._read_result()
                if result is not None:
                    return result

    def _read_result(self) -> _Result | None:
        data = os.read(self._stdout(), 4096)
        if not data:
            raise self._gone()
        self._pending += data
        match = _RESULT.search(self._pending)
        if match is None:
            return None
        self._pending = self._pending[match.end() :]
        if int(match[1]) != self._commands:
            raise IncompleteStreamError(
                f"psql answered command {match[1].decode()} instead of {self._commands}",
                next_step="run the backup again",
            )
        return _Result(match[2] != b"false", match[3].decode(), int(match[4]))

    def _stdout(self) -> int:
        if self._psql.stdout is None:
            raise self._gone()
        return self._psql.stdout.fileno()

    def _require_success(self, result: _Result, subject: str) -> None:
        if not result.failed:
            return
        words = f"{subject}: {self._server_words()} (SQLSTATE {result.sqlstate})"
        if result.sqlstate == "55P03":
            raise LockTimeoutError(words, next_step="the run tries again within its lock time-out")
        if result.sqlstate == "54000" or any(part in words for part in _TOO_LARGE):
            raise ValueTooLargeError(
                words, next_step="COPY text cannot carry such a value; exclude its table"
            )
        raise SourceError(words, next_step="see the server's log for the cause")

    def _gone(self) -> SourceError:
        words = self._server_words()
        return find_lack_of_connections(words, "the server") or SourceUnreachableError(
            f"a worker session ended: {words or 'psql gave no reason'}",
            next_step="see the server's log; the next pass tries again",
        )

    def _stalled(self, subject: str) -> StalledError:
        self._psql.kill()
        return StalledError(
            f"{subject}: no byte arrived for {self._stall.total_seconds():g} s",
            next_step="see whether server and network answer, or raise source.stall_timeout",
        )

    def _server_words(self) -> str:
        self._words.seek(0)
        lines = self._words.read().decode("utf-8", "replace").strip().splitlines()
        for number in range(len(lines) - 1, -1, -1):
            if lines[number].startswith(_SERVER_SAYS):
                added = [line for line in lines[number + 1 :] if line.startswith(_AND_ADDS)]
                return " ".join((lines[number], *added))
        return lines[-1] if lines else ""


def _read_available(reader: int) -> bytes | None:
    # None: nothing there now; b"": the writer has closed its end.
    try:
        return os.read(reader, READ_BYTES)
    except BlockingIOError:
        return None


def _unlinked_fifo() -> int:
    """Return a handle of a FIFO that has no name any more: whoever is killed leaves nothing behind.

    Both sides open it through ``/proc``.
    """
    with tempfile.TemporaryDirectory(prefix="orchestrator-copy-") as folder:
        path = Path(folder) / "rows"
        os.mkfifo(path, mode=0o600)
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
