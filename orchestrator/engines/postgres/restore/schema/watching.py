"""A client program that restores is ended when its server does not answer any more."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from orchestrator.engines.postgres.restore.access import Access
from orchestrator.errors import StalledError


@contextmanager
def killed_if_frozen(
    access: Access, database: str
) -> Iterator[Callable[[subprocess.Popen[bytes]], None]]:
    """Yield what has to be given the child; it is killed if the server answers nobody in time.

    A program may work for hours without a word, so the server is asked by another session, again and
    again.

    Raises:
        StalledError: it was killed.
    """
    ended, frozen = threading.Event(), threading.Event()

    def watch(child: subprocess.Popen[bytes]) -> None:
        while not ended.wait(access.stall_timeout.total_seconds()):
            if not access.answers(database):
                frozen.set()
                # Its session is its own: workers of pg_restore, which hold its pipes, end as well.
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                return

    threads: list[threading.Thread] = []

    def start(child: subprocess.Popen[bytes]) -> None:
        threads.append(threading.Thread(target=watch, args=(child,), name="watch-pg_restore"))
        threads[0].start()

    try:
        yield start
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    if frozen.is_set():
        raise StalledError(
            "the server answered no new session either while pg_restore waited for it",
            next_step="see whether server and network answer, or raise source.stall_timeout",
        )
