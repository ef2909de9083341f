"""The installed command, run in a process of its own as a user would run it."""

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from tests.support.warm_command import warm_command

COMMAND = str(Path(sysconfig.get_path("scripts")) / "orchestrator")

LONGEST_SECONDS = 120.0
STARTED_ANEW: set[str] = set()
"""The verbs that this process has started as users do, with a Python of their own."""

POLICY = """\
version: 1
channels:
  ops: {url: "${env:ALERT_URL}"}
destinations:
  local: {url: file:../backups}
policies:
  practice:
    source:
      engine: postgresql
      url: "${env:DATABASE_URL}"
      lock_timeout: 3s
    schedules:
      daily: {cron: "0 2 * * *"}
    retention:
      tiers: {daily: 30d}
    destinations: [local]
    verify: {after_backup: content}
    alerts:
      - {to: ops, on: [failed]}
"""


@dataclass(frozen=True)
class Result:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401 - whatever JSON it printed
        return json.loads(self.out)


@dataclass(frozen=True)
class Workplace:
    """A directory with one policy, a state, and a destination beside it."""

    root: Path
    database_url: str
    alert_url: str = "json://127.0.0.1:9/"
    policy: str = POLICY
    extra: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.root / "policies").mkdir(parents=True, exist_ok=True)
        (self.root / "policies" / "practice.yaml").write_text(self.policy)

    @property
    def backups(self) -> Path:
        return self.root / "backups"

    @property
    def program(self) -> Sequence[str]:
        return [COMMAND]

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        urls = {"DATABASE_URL": self.database_url, "ALERT_URL": self.alert_url}
        return {**kept, **urls, **self.extra}

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self.program, *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def launch(self, *arguments: str, stderr: IO[str]) -> subprocess.Popen[str]:
        """Start a command that runs for long, its lines going to a file."""
        return subprocess.Popen(
            [*self.program, *arguments],
            cwd=self.root,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            text=True,
        )

    def run(self, *arguments: str, expect: int | None = 0) -> Result:
        """Run the command; an exit code other than ``expect`` fails the test with all it said."""
        result = self._run(arguments)
        if expect is not None and result.code != expect:
            raise AssertionError(
                f"{arguments} ended with {result.code}\n{result.out}\n{result.err}"
            )
        return result

    def _run(self, arguments: Sequence[str]) -> Result:
        """Start every verb anew the first time; after that it is forked, which is far quicker."""
        program, *options = self.program
        if program != COMMAND or arguments[0] not in STARTED_ANEW:
            with self.start(*arguments) as process:
                out, err = process.communicate(timeout=LONGEST_SECONDS)
            STARTED_ANEW.add(arguments[0])
            return Result(process.returncode, out, err)
        code, out, err = warm_command().run(
            [*options, *arguments],
            folder=self.root,
            environment=self.environment,
            within=LONGEST_SECONDS,
        )
        return Result(code, out, err)

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run("list", "--json").document["backups"]
        return found

    def stored_files(self) -> list[Path]:
        return sorted(path for path in self.backups.rglob("*") if path.is_file())


PYTHON = sys.executable
