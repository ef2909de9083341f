"""Where the demo plays: a server, a private folder, and real commands run in it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from orchestrator.demo.narrator import Narrator

_COUNT_EVERY_TABLE = """
SELECT c.oid::regclass, (xpath('/row/n/text()', query_to_xml(
  format('SELECT count(*) AS n FROM %s', c.oid::regclass), false, true, '')))[1]
FROM pg_class c WHERE relkind IN ('r', 'p') AND NOT relispartition
  AND relnamespace IN ('public'::regnamespace, 'billing'::regnamespace) ORDER BY 1::text
"""


class StepFailedError(Exception):
    """A step of the story did not come out as told."""


class DemoServer(Protocol):
    """What the demo needs of an embedded PostgreSQL server."""

    @property
    def programs(self) -> Path:
        """Directory of its programs, psql among them."""
        ...

    @property
    def folder(self) -> Path:
        """Directory of its data."""
        ...

    @property
    def process_id(self) -> int | None:
        """Process id while it runs."""
        ...

    def url(self, database: str = ..., *, user: str = ..., password: str | None = ...) -> str:
        """Return the URL of a database; without a user that of the superuser."""
        ...

    def start(self) -> None:
        """Start it again at the same address."""
        ...

    def stop(self) -> None:
        """Stop it in an orderly way."""
        ...

    def detach(self) -> None:
        """Let it outlive this process."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Runs commands in ``folder``, where ``policies/`` and ``.orchestrator/`` lie.

    ``variables`` are what a user exports before; ``programs`` is the directory of psql.
    """

    narrator: Narrator
    folder: Path
    programs: Path
    variables: Mapping[str, str]

    def orchestrator(self, *arguments: str, fails: bool = False) -> list[str]:
        """Run the real command, print it and what it says, and return the lines.

        Raises:
            StepFailedError: it fails, or succeeds although it should fail.
        """
        self.narrator.command(shlex.join(["orchestrator", *arguments]))
        lines: list[str] = []
        with subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *arguments],
            cwd=self.folder,
            env=_environment() | dict(self.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as child:
            for line in child.stdout or ():
                lines.append(line.rstrip("\n"))
                self.narrator.output(lines[-1])
        if (child.returncode != 0) != fails:
            expected = "another exit code than 0" if fails else "exit code 0"
            raise StepFailedError(
                f"`orchestrator {shlex.join(arguments)}` ended with exit code {child.returncode};"
                f" {expected} was expected"
            )
        if fails:
            self.narrator.output(f"(exit code {child.returncode})")
        return lines

    def psql(self, url: str, *arguments: str, text: str | None = None) -> str:
        """Run psql silently and return what it printed; ``text`` is read as SQL if given.

        Raises:
            StepFailedError: any statement fails.
        """
        answer = subprocess.run(
            [self.programs / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *arguments],
            env=_environment() | connection_variables(url),
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode != 0:
            raise StepFailedError(f"psql failed: {answer.stderr.strip()}")
        return answer.stdout.strip()

    def count_rows(self, url: str) -> dict[str, int]:
        """Return the exact number of rows of every table of the practice database."""
        lines = self.psql(url, "-F", "\t", "-c", _COUNT_EVERY_TABLE).splitlines()
        counted = (line.split("\t") for line in lines)
        return {table: int(rows) for table, rows in counted}


def connection_variables(url: str) -> dict[str, str]:
    """Return a URL as the variables that psql reads, so that no password becomes an argument."""
    parts = urlsplit(url)
    return {
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.removeprefix("/")),
    }


def practice_policy() -> str:
    """Return the text of ``policies/practice.yaml``, from the wheel or from the checkout.

    Raises:
        StepFailedError: it is in neither.
    """
    package = files("orchestrator")
    for place in (package / "_policies", Path(str(package)).parent / "policies"):
        policy = place / "practice.yaml"
        if policy.is_file():
            return policy.read_text("utf-8")
    raise StepFailedError("this installation has no policies/practice.yaml")


def _environment() -> dict[str, str]:
    ours = ("PG", "ORCHESTRATOR_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def in_order(names: Sequence[str], *mappings: Mapping[str, int]) -> list[list[object]]:
    """Return table rows: a name and its value in each mapping."""
    return [[name, *(f"{mapping.get(name, 0):,}" for mapping in mappings)] for name in names]
