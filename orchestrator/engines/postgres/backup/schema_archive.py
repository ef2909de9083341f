"""The schema of the whole database, and the globals, by the server's own client programs."""

import logging
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from orchestrator.engines.postgres.children import CompletedChild, run_child
from orchestrator.engines.postgres.programs import ClientPrograms
from orchestrator.engines.postgres.session import find_lack_of_connections
from orchestrator.errors import ClientProgramError, LockTimeoutError

_log = logging.getLogger(__name__)

ARCHIVE_MAGIC = b"PGDMP"


@dataclass(frozen=True, slots=True, kw_only=True)
class DumpPrograms:
    """How to run pg_dump and pg_dumpall against one database."""

    programs: ClientPrograms
    connection_string: str
    environment: Mapping[str, str]
    timeout: timedelta
    encoding: str | None = None
    """Of the schema archive; None takes UTF-8, into which SQL_ASCII cannot be converted."""
    _started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def kill(self) -> None:
        """End what runs, from any thread; whoever waits for it gets an error."""
        for child in self._started:
            child.kill()

    def dump_schema(self, snapshot: str, lock_timeout: timedelta) -> bytes:
        """Return ``pg_dump --format=custom --schema-only`` under an exported snapshot.

        Raises:
            ClientProgramError: it failed, or wrote something that is not an archive.
            CapacityError: the server has no connection left for it.
            LockTimeoutError: a table could not be locked in time.
        """
        completed = self._run(
            "pg_dump",
            "--format=custom",
            "--schema-only",
            "--quote-all-identifiers",
            f"--snapshot={snapshot}",
            f"--lock-wait-timeout={int(lock_timeout.total_seconds() * 1000)}",
            *([f"--encoding={self.encoding}"] if self.encoding else []),
            f"--dbname={self.connection_string}",
        )
        if b"lock timeout" in completed.stderr and completed.returncode:
            raise LockTimeoutError(
                f"pg_dump could not lock a table for reading: {completed.words}",
                next_step="let the session that holds it finish; the next pass tries again",
            )
        self._require_success("pg_dump", completed)
        if not completed.stdout.startswith(ARCHIVE_MAGIC):
            raise ClientProgramError(
                "pg_dump ended well but wrote no archive",
                next_step=f"see what {self.programs.path('pg_dump')} is",
            )
        return completed.stdout

    def dump_globals(self) -> bytes:
        """Return ``pg_dumpall --globals-only`` without password hashes.

        Raises:
            ClientProgramError: it failed.
            CapacityError: the server has no connection left for it.
        """
        completed = self._run(
            "pg_dumpall",
            "--globals-only",
            "--no-role-passwords",
            "--quote-all-identifiers",
            f"--dbname={self.connection_string}",
        )
        self._require_success("pg_dumpall", completed)
        return completed.stdout

    def _run(self, program: str, *arguments: str) -> CompletedChild:
        return run_child(
            [self.programs.path(program), "--no-password", *arguments],
            environment=self.environment,
            timeout=self.timeout.total_seconds(),
            started=self._started.append,
        )

    def _require_success(self, program: str, completed: CompletedChild) -> None:
        """Require exit status 0; what the program says all the same is logged, and fails nothing.

        It warns of what may need care in a restore, such as circular foreign keys, or of what it
        does not understand in a catalog. Whether the archive is whole, the restore proves.
        """
        if completed.returncode != 0:
            full = find_lack_of_connections(completed.words, "the server")
            raise full or ClientProgramError(
                f"{program} failed with exit status {completed.returncode}: {completed.words}",
                next_step="see the words above; nothing of this run was published",
            )
        if completed.words:
            words = " ".join(completed.words.split())
            _log.warning("client_program_warned", extra={"program": program, "words": words})
