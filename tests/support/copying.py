"""A database backed up and restored by the product, and compared with itself by other means.

The whole of it but the command line, with a catalog and a destination in memory: chunks, manifest,
verification to ``content``, restore with proof. The comparison shares nothing with it: ``pg_dump`` of
the server's version, and every row as the server's own text.
"""

import os
import re
import subprocess
from collections import Counter
from dataclasses import dataclass, replace

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.clock import SystemClock
from orchestrator.destinations.memory import MemoryDestination
from orchestrator.engines.postgres.backup.source import PostgresSource
from orchestrator.engines.postgres.restore.target import PostgresTarget
from orchestrator.execution.backup.take_backup import take_backup
from orchestrator.execution.context import Execution
from orchestrator.execution.restore.restore_backup import RestoreReport, restore_into_new
from orchestrator.model.actions import TakeBackup
from orchestrator.model.backup import Backup, RunReason, Trigger
from orchestrator.model.contents import Details
from orchestrator.model.names import DestinationName
from orchestrator.model.outcome import Succeeded
from orchestrator.model.policy import Source
from orchestrator.model.secret import Secret
from orchestrator.model.verification import Level
from tests.support.builders import a_desired_state, a_policy, a_series
from tests.support.postgres import Database, Server
from tests.support.reader import DatabaseImage, differences, read_by_column, read_database
from tests.support.source_engine import a_source
from tests.unit.execution.world import World

LOCAL = DestinationName("local")


@dataclass(frozen=True)
class Copied:
    """A restored database, what the restore reports, and the details of its backup."""

    database: Database
    report: RestoreReport
    details: Details


@dataclass(frozen=True)
class Copier:
    """One process of the product, with one source database."""

    execution: Execution
    database: Database

    @classmethod
    def of(
        cls, database: Database, source: Source | None = None, onto: Server | None = None
    ) -> "Copier":
        """Back up as the superuser, or as ``source`` says, to restore on a server that may be newer."""
        source = source or a_source(database.url, database.name)
        policy = a_policy(source=source, after_backup=Level.CONTENT)
        world = World(
            catalog=MemoryCatalog(),
            place=MemoryDestination(LOCAL),
            desired=a_desired_state(policy),
        )
        environment = environment_for(database.server, onto or database.server)
        clock = SystemClock()
        return cls(
            replace(
                world.process(),
                clock=clock,
                source=PostgresSource(clock=clock, environment=environment),
                target=PostgresTarget(environment=environment),
            ),
            database,
        )

    def back_up(self) -> Backup:
        """Take a backup and verify it to ``content``."""
        action = TakeBackup(
            series=a_series(database=self.database.name),
            run_reason=RunReason(trigger=Trigger.MANUAL, slots=()),
            destinations=(LOCAL,),
            verify_to=Level.CONTENT,
            reason="a test wants it",
        )
        outcome = take_backup(action, self.execution)
        assert isinstance(outcome, Succeeded), outcome
        assert outcome.backup is not None
        return outcome.backup

    def restore(self, backup: Backup, name: str, onto: Server) -> RestoreReport:
        """Restore into a new database, and prove every row."""
        return restore_into_new(
            backup,
            name=name,
            prove=True,
            server_url=Secret(onto.url(), "the test"),
            execution=self.execution,
        )


def copy_database(
    database: Database,
    name: str,
    *,
    onto: Server | None = None,
    source: Source | None = None,
) -> tuple[Database, RestoreReport]:
    """Back a database up and restore it as ``name``, beside itself or on another server."""
    copier = Copier.of(database, source, onto)
    server = onto or database.server
    report = copier.restore(copier.back_up(), name, server)
    return server.database(name), report


def copy_with_pg_dump(database: Database, onto: Server) -> Database:
    """Copy a database under its own name to another server, as everybody does it.

    With the pg_dump of the source's version, as ours (docs/adr/0011): a newer one writes grants of
    privileges that the source does not know.
    """
    newest = max((database.server, onto), key=lambda server: server.version).programs
    dumped = subprocess.run(
        [database.server.programs / "pg_dump", "--format=custom", "--dbname", database.url],
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [newest / "pg_restore", "--create", "--exit-on-error", "--dbname", onto.url()],
        input=dumped.stdout,
        check=True,
    )
    return onto.database(database.name)


def environment_for(*servers: Server) -> dict[str, str]:
    """Return an environment in which the client programs of these servers are found."""
    places = [*(str(server.programs) for server in servers), os.environ.get("PATH", "")]
    return {**os.environ, "PATH": os.pathsep.join(places)}


def differing(source: Database, copied: Database) -> list[str]:
    """Say in lines what differs between a database and its copy; empty when nothing does."""
    programs = max((source.server, copied.server), key=lambda server: server.version).programs
    one, other = (
        replace(_read(database), schema=_dumped(database, str(programs)))
        for database in (source, copied)
    )
    return differences(one, other)


def _read(database: Database) -> DatabaseImage:
    image = read_database(database.url, with_schema=False)
    image.tables.update(read_by_column(database.url))
    # A matview that nobody refreshed cannot be read; the schema does not show that.
    state = database.execute(
        "SELECT c.oid::regclass::text, relispopulated::text FROM pg_class c WHERE relkind = 'm'"
    )
    image.tables["populated"] = Counter(f"{name} {populated}" for name, populated in state)
    return image


def _dumped(database: Database, programs: str) -> list[str]:
    dump = subprocess.run(
        [f"{programs}/pg_dump", "--schema-only", "--create", "--dbname", database.url],
        check=True,
        capture_output=True,
        text=True,
    )
    text = re.sub(rf'"?\b{re.escape(database.name)}\b"?', "the_database", dump.stdout)
    noise = ("--", "\\restrict", "\\unrestrict")
    return [line for line in text.splitlines() if line and not line.startswith(noise)]
