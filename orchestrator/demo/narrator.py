"""Prints the story: numbered steps, commands as a user types them, and what they say."""

import sys
from collections.abc import Mapping, Sequence
from textwrap import wrap

_WIDTH = 88
_BOLD, _DIM, _GREEN, _PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"


class Narrator:
    """Writes to standard output; with colours only if told so."""

    def __init__(self, *, colours: bool) -> None:
        """Begin with step 1."""
        self._colours = colours
        self._steps = 0

    def step(self, title: str, explanation: str) -> None:
        """Begin the next step and say what it is about."""
        self._steps += 1
        heading = f"── {self._steps}. {title} "
        self._print()
        self._print(heading + "─" * max(3, _WIDTH - len(heading)), _BOLD)
        self.say(explanation)

    def say(self, text: str) -> None:
        """Print a paragraph."""
        for line in wrap(text, _WIDTH):
            self._print(line)

    def command(self, line: str) -> None:
        """Print a command as it is typed."""
        self._print()
        self._print(f"$ {line}", _BOLD)

    def output(self, line: str) -> None:
        """Print one line that a command or a receiver gave."""
        self._print(f"  {line}".rstrip(), _DIM)

    def received(self, title: str, lines: Sequence[str]) -> None:
        """Print a message that came from elsewhere."""
        self._print()
        self.say(title)
        for line in lines:
            self._print(f"  │ {line}")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Print a table: the first column to the left, the others, numbers, to the right."""
        cells = [list(map(str, row)) for row in (header, *rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        self._print()
        for index, (first, *others) in enumerate(cells):
            numbers = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
            self._print("  ".join((first.ljust(widths[0]), *numbers)), _DIM if index else _BOLD)

    def block(self, lines: Mapping[str, str]) -> None:
        """Print lines to be typed, each with what it is for."""
        for line, purpose in lines.items():
            self._print(f"  {line}")
            if purpose:
                self._print(f"      {purpose}", _DIM)

    def success(self, text: str) -> None:
        """Print how the story ended well."""
        self._print()
        for line in wrap(text, _WIDTH):
            self._print(line, _GREEN)

    def failure(self, text: str) -> None:
        """Print, on standard error, that the story is not true here."""
        print(f"\nDEMO FAILED: {text}", file=sys.stderr, flush=True)

    def _print(self, text: str = "", colour: str = "") -> None:
        styled = f"{colour}{text}{_PLAIN}" if self._colours and colour and text else text
        print(styled, flush=True)
