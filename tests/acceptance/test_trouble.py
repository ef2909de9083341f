"""What a user sees when something is wrong: the cause in words, a code, and the exit code."""

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database, Server


@pytest.fixture
def database(empty_database: Database) -> Database:
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    return empty_database


@pytest.fixture
def workplace(tmp_path: Path, database: Database) -> Workplace:
    return Workplace(tmp_path, database.url)


@pytest.fixture
def received() -> Iterator[tuple[str, list[dict[str, object]]]]:
    """A receiver on loopback: its Apprise URL, and what it was sent."""
    messages: list[dict[str, object]] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"json://127.0.0.1:{server.server_port}/", messages
        server.shutdown()
        thread.join()


def changed(place: Workplace, **changes: str) -> Workplace:
    values = {"root": place.root, "database_url": place.database_url, **changes}
    return Workplace(**values)  # type: ignore[arg-type]  # a dataclass built from its own fields


def test_a_server_that_is_down_is_unreachable_and_somebody_is_told(
    workplace: Workplace, received: tuple[str, list[dict[str, object]]]
) -> None:
    url, messages = received
    dead = psycopg.conninfo.make_conninfo(workplace.database_url, port="1")
    place = changed(workplace, database_url=dead, alert_url=url)
    result = place.run("apply", expect=69)
    assert "ORC-201" in result.err
    assert place.listed() == []
    (message,) = messages
    text = json.dumps(message)
    assert "practice" in text
    assert "ORC-201" in text
    assert "never had a backup" in text
    assert "orchestrator " in text


@pytest.mark.parametrize("command", [("apply",), ("backup", "practice")])
def test_a_broken_catalog_is_told_directly(
    workplace: Workplace, received: tuple[str, list[dict[str, object]]], command: tuple[str, ...]
) -> None:
    url, messages = received
    (workplace.root / ".orchestrator").mkdir()
    (workplace.root / ".orchestrator" / "catalog.sqlite3").write_bytes(b"garbage" * 1000)
    result = changed(workplace, alert_url=url).run(*command, expect=1)
    assert "ORC-60" in result.err
    assert len(messages) == 1
    assert "the catalog cannot be used" in json.dumps(messages)


def test_an_alert_that_cannot_be_delivered_is_said(workplace: Workplace) -> None:
    dead = psycopg.conninfo.make_conninfo(workplace.database_url, port="1")
    result = changed(workplace, database_url=dead).run("apply", expect=69)
    assert "alert NOT delivered to ops" in result.err


def test_a_wrong_password_is_said_without_repeating_it(workplace: Workplace) -> None:
    wrong = psycopg.conninfo.make_conninfo(workplace.database_url, password="CANARY-1")
    result = changed(workplace, database_url=wrong).run("-vv", "apply", expect=1)
    assert "ORC-202" in result.err
    assert "CANARY-1" not in result.err + result.out


def test_a_database_that_is_not_there_is_named(workplace: Workplace) -> None:
    gone = psycopg.conninfo.make_conninfo(workplace.database_url, dbname="gone")
    result = changed(workplace, database_url=gone).run("apply", expect=1)
    assert "ORC-203" in result.err
    assert "gone" in result.err


def test_a_table_pattern_that_matches_nothing_fails_the_run(workplace: Workplace) -> None:
    policy = POLICY.replace(
        "    schedules:", '    tables: {include: ["public.userz"]}\n    schedules:'
    )
    result = changed(workplace, policy=policy).run("apply", expect=1)
    assert "ORC-206" in result.err
    assert "public.userz" in result.err


def test_missing_privileges_come_as_sql_that_helps(
    workplace: Workplace, database: Database, postgres_server: Server
) -> None:
    role = postgres_server.create_role()
    place = changed(workplace, database_url=database.url_for(role))
    result = place.run("apply", expect=1)
    assert "ORC-204" in result.err
    for line in result.err.splitlines():
        if line.strip().startswith("GRANT"):
            database.execute(line.strip())
    place.run("apply")


def test_a_client_older_than_the_server_is_refused_before_the_run(
    workplace: Workplace, tmp_path: Path
) -> None:
    programs = tmp_path / "old"
    programs.mkdir()
    for name in ("pg_dump", "pg_dumpall", "pg_restore", "psql"):
        (programs / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) 9.6.24'\n")
        (programs / name).chmod(0o755)
    hidden = {"PATH": str(programs), "ORCHESTRATOR_PG_BINDIR": str(programs)}
    place = Workplace(workplace.root, workplace.database_url, extra=hidden)
    result = place.run("apply", expect=None)
    # A newer client elsewhere on the machine may be found; the old one is never used.
    assert result.code == 0 or ("ORC-205" in result.err and "9.6" in result.err)


def test_an_empty_catalog_in_front_of_backups_is_refused(workplace: Workplace) -> None:
    workplace.run("apply")
    before = workplace.stored_files()
    result = workplace.run("--state", "another", "apply", expect=4)
    assert "ORC-304" in result.err
    assert "catalog rebuild" in result.err
    assert workplace.stored_files() == before


def test_a_destination_without_its_marker_is_not_written_to(workplace: Workplace) -> None:
    workplace.run("apply")
    (workplace.backups / ".orchestrator-destination").unlink()
    result = workplace.run("backup", "practice", expect=4)
    assert "ORC-303" in result.err
    assert len(workplace.listed()) == 1


def test_a_restore_never_replaces_a_database(workplace: Workplace, database: Database) -> None:
    workplace.run("apply")
    result = workplace.run("restore", "latest", "--into-new", database.name, expect=4)
    assert "ORC-502" in result.err


def test_a_damaged_chunk_stops_a_restore_before_the_name_exists(
    workplace: Workplace, database: Database
) -> None:
    workplace.run("apply")
    (chunk,) = [path for path in workplace.stored_files() if path.suffix == ".zst"]
    chunk.write_bytes(chunk.read_bytes()[:-1])
    result = workplace.run("restore", "latest", "--into-new", "restored", expect=1)
    assert "ORC-401" in result.err
    assert "restored" not in database.server.database_names()


def test_a_copy_that_is_known_to_be_damaged_is_refused_by_the_dry_run(
    workplace: Workplace,
) -> None:
    workplace.run("apply")
    (chunk,) = [path for path in workplace.stored_files() if path.suffix == ".zst"]
    chunk.unlink()
    workplace.run("verify", expect=1)
    result = workplace.run("restore", "latest", "--into-new", "restored", "--dry-run", expect=1)
    assert "ORC-401" in result.err
    assert "every copy" in result.err


def test_a_pattern_that_no_database_fits_is_said_by_a_backup_by_hand(workplace: Workplace) -> None:
    pattern = POLICY.replace("lock_timeout: 3s", 'databases: ["zzz_*"]')
    result = changed(workplace, policy=pattern).run("backup", "practice", expect=1)
    assert "no database of the server fits zzz_*" in result.err
    assert "ORC-203" in result.err


def test_an_unset_secret_is_a_problem_with_its_place(workplace: Workplace) -> None:
    file = workplace.root / "policies" / "practice.yaml"
    file.write_text(POLICY.replace("DATABASE_URL", "NOT_SET"))
    result = workplace.run("apply", expect=65)
    assert "policies/practice.yaml:10:12:" in result.err
    assert "NOT_SET" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("drill", "practice"),
        ("migrate", "practice"),
        ("replicate", "practice"),
    ],
)
def test_what_is_not_built_yet_is_refused_in_words(
    workplace: Workplace, arguments: tuple[str, ...]
) -> None:
    result = workplace.run(*arguments, expect=64)
    assert "not supported yet" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("plan", "--nonsense"),
        ("backup", "nobody"),
        ("plan", "--at", "tomorrow"),
        ("plan", "--at", "0001-01-01"),
        ("plan", "--at", "9999-12-31T23:59:59"),
        ("retention", "simulate", "practice", "--days", "40", "--start", "0001-01-01"),
        ("retention", "simulate", "practice", "--days", "40", "--start", "9999-12-01"),
        ("retention", "explain", "9999-12-31T23:59-05:00"),
        ("pause", "practice", "--until", "9999-12-31T23:59-05:00"),
        ("log", "--since", "9999-12-31T23:59-05:00"),
        ("restore", "latest"),
        ("--catalog", "oracle://nowhere", "list"),
    ],
)
def test_a_wrong_command_line_is_exit_64_without_a_traceback(
    workplace: Workplace, arguments: tuple[str, ...]
) -> None:
    result = workplace.run(*arguments, expect=64)
    assert "Traceback" not in result.err
    assert result.err.strip()
