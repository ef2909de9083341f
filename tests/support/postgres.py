"""A PostgreSQL server for tests: databases and roles that vanish with the test that made them."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from orchestrator.engines.postgres.cluster import SUPERUSER, ThrowawayCluster
from tests.support.servers import chosen_programs

Connection = psycopg.Connection[tuple[Any, ...]]

# Never for product clusters: a crash of the machine may lose everything, which no test minds.
FAST_AND_LOOSE = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "max_wal_size": "2GB",
    "autovacuum": "off",
}
TEMPLATE_PREFIX = "template_"
HAS_STRATEGIES = 150_000
"""From this version on CREATE DATABASE lets its strategy be chosen."""


@dataclass(frozen=True)
class Role:
    """A role and the password it logs in with."""

    name: str
    password: str


@dataclass(frozen=True)
class Database:
    """A database of the test server; ``url`` is the superuser's."""

    name: str
    server: "Server"

    @property
    def url(self) -> str:
        return self.server.url(self.name)

    def url_for(self, role: Role) -> str:
        return self.server.url(self.name, role)

    def connect(self, role: Role | None = None) -> Connection:
        """Open an autocommit connection; the caller closes it."""
        return psycopg.connect(self.server.url(self.name, role), autocommit=True)

    def execute(self, query: str) -> list[tuple[Any, ...]]:
        """Run one or more statements as the superuser; return the rows of the last, if any."""
        with self.connect() as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Server:
    """A running throwaway server of PostgreSQL 17 on loopback, with passwords."""

    cluster: ThrowawayCluster

    @property
    def programs(self) -> Path:
        """The directory of its own programs."""
        return self.cluster.programs

    @cached_property
    def version(self) -> int:
        """Its version as a number, such as 170010."""
        with self.connect() as connection:
            return connection.info.server_version

    def url(self, database: str = "postgres", role: Role | None = None) -> str:
        if role is None:
            return self.cluster.url(database)
        return self.cluster.url(database, user=role.name, password=role.password)

    def connect(self) -> Connection:
        """Open an autocommit connection of the superuser to ``postgres``."""
        return psycopg.connect(self.url(), autocommit=True)

    def database(self, name: str) -> Database:
        """Return a database that exists already, such as one that a restore made."""
        return Database(name, self)

    def create_database(
        self, name: str | None = None, *, template: str = "template0", options: str = ""
    ) -> Database:
        """Create a database; ``options`` is the rest of CREATE DATABASE."""
        name = name or f"db_{secrets.token_hex(4)}"
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} {} {}").format(
            sql.Identifier(name),
            sql.Identifier(template),
            # Nearly every test makes one; written to the log it takes twice as long.
            sql.SQL("STRATEGY file_copy" if self.version >= HAS_STRATEGIES else ""),
            sql.SQL(options),
        )
        with self.connect() as connection:
            connection.execute(statement)
        return Database(name, self)

    def create_role(self, name: str | None = None, *, options: str = "") -> Role:
        """Create a role that may log in; ``options`` such as ``CREATEDB BYPASSRLS``."""
        role = Role(name or f"role_{secrets.token_hex(4)}", secrets.token_urlsafe(9))
        statement = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {} {}").format(
            sql.Identifier(role.name), sql.Literal(role.password), sql.SQL(options)
        )
        with self.connect() as connection:
            connection.execute(statement)
        return role

    def database_names(self) -> list[str]:
        return self._names("SELECT datname FROM pg_database")

    def sessions(self) -> list[str]:
        """Names of the applications connected now, but for the one that asks."""
        return self._names(
            "SELECT application_name FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )

    def _names(self, query: str) -> list[str]:
        with self.connect() as connection:
            return sorted(row[0] for row in connection.execute(query.encode()))

    @contextmanager
    def tidy(self) -> Iterator["Server"]:
        """Drop, on leaving, every database and role that was created inside the block."""
        databases, roles = set(self.database_names()), set(self._roles())
        try:
            yield self
        finally:
            new = set(self.database_names()) - databases
            with self.connect() as connection:
                for name in new:
                    if not name.startswith(TEMPLATE_PREFIX):
                        _drop(connection, "DROP DATABASE {} WITH (FORCE)", name)
                for name in set(self._roles()) - roles:
                    _drop(connection, "DROP ROLE {}", name)

    def _roles(self) -> list[str]:
        return self._names("SELECT rolname FROM pg_roles")


def _drop(connection: Connection, statement: str, name: str) -> None:
    connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def eventually(condition: Callable[[], object], within: float = 20.0) -> None:
    """Return when a condition holds; fail if it does not in so many seconds."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


@contextmanager
def running_server(programs: Path | None = None, **settings: str) -> Iterator[Server]:
    """Run a server of its own, for a test that stops, breaks or configures it.

    ``programs`` is the directory of its programs; None takes those that all tests use.
    """
    cluster = ThrowawayCluster(
        programs or chosen_programs(),
        listen_on_loopback=True,
        settings={**FAST_AND_LOOSE, **settings},
    )
    with cluster:
        yield Server(cluster)


__all__ = ["SUPERUSER", "TEMPLATE_PREFIX", "Connection", "Database", "Role", "Server"]
