"""Connections that a server refuses, each with the class of its cause (fault F44)."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from orchestrator.errors import AuthenticationFailedError, CapacityError, TlsError
from tests.support.postgres import Database, Server, running_server
from tests.support.source_engine import open_snapshot

EXPIRED = ("-days", "-1")
OPENSSL = shutil.which("openssl") or "openssl"


@pytest.fixture(scope="module")
def tls_server() -> Iterator[Server]:
    """A server with a certificate that ended yesterday, and room for few sessions."""
    with running_server(
        max_connections="8", superuser_reserved_connections="0", reserved_connections="0"
    ) as server:
        folder = server.cluster.folder / "data"
        key, request, certificate = (folder / f"server.{end}" for end in ("key", "csr", "crt"))
        name = ("-subj", "/CN=localhost")
        openssl(
            "req", "-new", "-newkey", "rsa:2048", "-nodes", *name, "-keyout", key, "-out", request
        )
        openssl("x509", "-req", "-in", request, "-signkey", key, *EXPIRED, "-out", certificate)
        owner = folder.stat()
        for file in (key, certificate):
            file.chmod(0o600)
            os.chown(file, owner.st_uid, owner.st_gid)
        with server.connect() as connection:
            connection.execute("ALTER SYSTEM SET ssl = on")
        server.cluster.restart()
        yield server


def openssl(*arguments: str | Path) -> None:
    subprocess.run([OPENSSL, *map(str, arguments)], check=True, capture_output=True)


def opened(url: str, **changes: str) -> None:
    address = psycopg.conninfo.make_conninfo(url, **changes)
    with open_snapshot(address, "postgres"):
        pass


def test_an_expired_certificate_is_a_matter_of_encryption(tls_server: Server):
    certificate = tls_server.cluster.folder / "data" / "server.crt"
    with pytest.raises(TlsError, match="certificate verify failed"):
        opened(tls_server.url(), sslmode="verify-ca", sslrootcert=str(certificate))


def test_a_server_without_encryption_is_not_taken_for_one_that_is_down(postgres_server: Server):
    with pytest.raises(TlsError, match="does not support SSL"):
        opened(postgres_server.url(), sslmode="require")


def test_a_server_that_is_full_is_not_taken_for_one_that_is_down(tls_server: Server):
    sessions: list[psycopg.Connection[tuple[object, ...]]] = []
    try:
        with suppress(psycopg.OperationalError):
            while True:
                sessions.append(tls_server.connect())
        with pytest.raises(CapacityError, match="too many clients"):
            opened(tls_server.url())
    finally:
        for session in sessions:
            session.close()


def test_a_server_that_fills_up_while_the_run_begins_ends_it_clean(tls_server: Server):
    sessions = [tls_server.connect() for _ in range(5)]
    try:
        with pytest.raises(CapacityError, match="too many clients"):
            opened(tls_server.url())
    finally:
        for session in sessions:
            session.close()
    assert not [name for name in tls_server.sessions() if name.startswith("orchestrator:")]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4])
def test_a_role_without_connections_left_is_a_matter_of_capacity(
    empty_database: Database, limit: int
):
    with pytest.raises(CapacityError, match="too many connections for role") as refused:
        back_up_within(empty_database, limit)
    assert "a backup needs five sessions" in refused.value.next_step


def test_a_backup_needs_as_many_connections_as_it_says(empty_database: Database):
    assert back_up_within(empty_database, 5).startswith(b"PGDMP")


def back_up_within(database: Database, limit: int) -> bytes:
    role = database.server.create_role(options=f"CONNECTION LIMIT {limit}")
    database.execute(f"CREATE TABLE t (id int); GRANT pg_read_all_data TO {role.name}")
    with open_snapshot(database.url_for(role), database.name) as snapshot:
        archive = snapshot.dump_schema()
        snapshot.dump_globals()
        snapshot.check()
        return archive


def test_a_changed_password_and_a_changed_pg_hba_are_a_matter_of_login(tls_server: Server):
    with pytest.raises(AuthenticationFailedError):
        opened(tls_server.url(), password="rotated")
    rules = tls_server.cluster.folder / "data" / "pg_hba.conf"
    was = rules.read_text()
    rules.write_text("local all all trust\n")
    server = tls_server.cluster.process_id
    assert server is not None
    os.kill(server, signal.SIGHUP)
    time.sleep(0.5)
    try:
        with pytest.raises(AuthenticationFailedError, match="pg_hba"):
            opened(tls_server.url())
    finally:
        rules.write_text(was)
        os.kill(server, signal.SIGHUP)
