"""Long work as it goes on: bars where stderr is a terminal, plain lines elsewhere."""

import sys
import threading

import click
from rich.progress import TaskID
from typing_extensions import override

from orchestrator.cli.rendering import printable
from orchestrator.planning.phrases import say_size
from orchestrator.ports.progress import Progress, Step


def terminal_progress() -> Progress:
    """Return bars for a terminal, one line per finished piece of work for anything else."""
    return Bars() if sys.stderr.isatty() else Lines()


class Lines(Progress):
    """Says when a piece of work ended, and how many bytes it was."""

    @override
    def started(self, what: str, total_bytes: int | None) -> Step:
        return _Line(what)


class _Line(Step):
    def __init__(self, what: str) -> None:
        self._what = what
        self._done = 0
        self._lock = threading.Lock()

    @override
    def advanced(self, count: int) -> None:
        with self._lock:
            self._done += count

    @override
    def finished(self) -> None:
        click.echo(printable(f"{self._what}: {say_size(self._done)}"), err=True)


class Bars(Progress):
    """One rich bar per piece of work, with its rate; bars go away when their work ends."""

    def __init__(self) -> None:
        """Start with no bar on the screen."""
        from rich.console import Console  # noqa: PLC0415 - only where it prints
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            DownloadColumn,
            TextColumn,
            TransferSpeedColumn,
        )
        from rich.progress import Progress as RichProgress  # noqa: PLC0415

        self._lock = threading.Lock()
        self._running = 0
        self._rich = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            DownloadColumn(binary_units=True),
            TransferSpeedColumn(),
            console=Console(stderr=True),
            transient=True,
        )

    @override
    def started(self, what: str, total_bytes: int | None) -> Step:
        with self._lock:
            if self._running == 0:
                self._rich.start()
            self._running += 1
        return _Bar(self, self._rich.add_task(printable(what), total=total_bytes))

    def advance(self, task: TaskID, count: int) -> None:
        """Move one bar by so many bytes."""
        self._rich.update(task, advance=count)

    def remove(self, task: TaskID) -> None:
        """Take one bar away; the last one gives the screen back."""
        with self._lock:
            self._rich.remove_task(task)
            self._running -= 1
            if self._running == 0:
                self._rich.stop()


class _Bar(Step):
    def __init__(self, bars: Bars, task: TaskID) -> None:
        self._bars = bars
        self._task = task

    @override
    def advanced(self, count: int) -> None:
        self._bars.advance(self._task, count)

    @override
    def finished(self) -> None:
        self._bars.remove(self._task)
