import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psycopg
import pytest

from orchestrator.engines.postgres.children import (
    libpq_environment,
    private_passfile,
    run_child,
    start_child,
)
from orchestrator.engines.postgres.programs import embedded_programs
from orchestrator.engines.postgres.session import quote_conninfo
from orchestrator.errors import ClientProgramError, SourceError
from tests.support.postgres import Database, Server

_HOSTILE = {
    "PGHOST": "203.0.113.1",
    "PGOPTIONS": "-c search_path=evil",
    "PGSERVICE": "evil",
    "PGDATABASE": "evil",
    "LD_PRELOAD": "/evil.so",
    "HOME": "/nonexistent",
}
_START_A_SLEEPER = """
import subprocess, time
from orchestrator.engines.postgres.children import start_child
child = start_child(["/bin/sleep", "60"], environment={}, stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
time.sleep(60)
"""
_BEGIN_A_THREAD_AND_BE_INTERRUPTED = """
import threading
from orchestrator.engines.postgres.children import run_child
start = threading.Thread.start
def start_and_be_interrupted(thread):
    start(thread)
    raise KeyboardInterrupt
threading.Thread.start = start_and_be_interrupted
try:
    run_child(["/bin/true"], environment={}, timeout=10)
except KeyboardInterrupt:
    print("interrupted")
"""


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text("ascii")
    except OSError:
        return False


def _run_psql(url_settings: dict[str, str], query: str, **environment: str) -> str:
    answer = run_child(
        [
            str(embedded_programs() / "psql"),
            *("-w", "-X", "-A", "-t", "-c", query, "-d", quote_conninfo(url_settings)),
        ],
        environment=libpq_environment(inherited=_HOSTILE, application_name="test", **environment),
        timeout=20,
    )
    assert answer.returncode == 0, answer.words
    return answer.stdout.decode().strip()


def _settings(database: Database) -> dict[str, str]:
    return {
        "host": "127.0.0.1",
        "port": str(database.server.cluster.port),
        "user": "postgres",
        "dbname": database.name,
    }


def test_a_child_dies_with_a_killed_parent():
    with subprocess.Popen(
        [sys.executable, "-c", _START_A_SLEEPER], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 3
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(pid)


def test_an_interruption_while_the_first_child_is_started_does_not_keep_the_program_from_ending():
    program = [sys.executable, "-c", _BEGIN_A_THREAD_AND_BE_INTERRUPTED]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=20)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "interrupted\n", "")


def test_a_child_outlives_the_thread_that_asked_for_it():
    children: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        children.append(start_child(["/bin/cat"], environment={}, stdin=subprocess.PIPE))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with children[0] as child:
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.2)
        child.communicate(b"")
    assert child.returncode == 0


def test_a_child_sees_exactly_the_environment_it_is_given(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PGHOST", "evil")
    answer = run_child(["/usr/bin/env"], environment={"LC_ALL": "C", "A": "b c"}, timeout=10)
    assert sorted(answer.stdout.decode().splitlines()) == ["A=b c", "LC_ALL=C"]


def test_arguments_output_and_status_pass_unchanged_and_there_is_nothing_to_read():
    script = 'printf "%s|" "$@"; cat; echo problem >&2; exit 3'
    argv = ["/bin/sh", "-c", script, "sh", "-x", "", "a b", b"\xff\n", "é"]
    answer = run_child(argv, environment={}, timeout=10)
    assert answer.stdout == b"-x||a b|\xff\n|" + "é|".encode()
    assert (answer.returncode, answer.words) == (3, "problem")


def test_a_child_that_takes_too_long_is_killed_and_named():
    started = time.monotonic()
    with pytest.raises(ClientProgramError, match=r"/bin/sleep did not end within 0\.2 s"):
        run_child(["/bin/sleep", "60"], environment={}, timeout=0.2)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("program", ["/no/such/program", "sleep", "/etc/passwd"])
def test_what_cannot_be_executed_is_an_error_in_words(program: str):
    with pytest.raises(ClientProgramError, match="is not a program"):
        start_child([program], environment={})


def test_a_child_has_no_terminal_to_ask_for_a_password_on_and_dies_of_broken_pipes():
    script = "exec 3</dev/tty && echo terminal; trap"
    answer = run_child(["/bin/sh", "-c", script], environment={}, timeout=10)
    assert answer.stdout == b""
    yes = run_child(["/bin/sh", "-c", "yes | head -n1"], environment={}, timeout=10)
    assert yes.stdout == b"y\n"


@pytest.mark.parametrize("password", ["simple", "co:lon", "back\\slash", "q'uote \" ü", ":\\:\\\\"])
def test_a_password_reaches_libpq_through_the_passfile(empty_database: Database, password: str):
    role = empty_database.server.create_role()
    with empty_database.connect() as connection:
        connection.execute(
            psycopg.sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                psycopg.sql.Identifier(role.name), psycopg.sql.Literal(password)
            )
        )
    settings = _settings(empty_database) | {"user": role.name}
    with private_passfile(password) as passfile:
        told = _run_psql(settings, "SELECT current_user", passfile=passfile)
        assert Path(passfile).stat().st_mode & 0o777 == 0o600
    assert told == role.name
    assert not Path(passfile).exists()


def test_a_password_with_a_line_break_is_refused():
    with pytest.raises(SourceError, match="line break"), private_passfile("a\nb"):
        pass


@pytest.mark.parametrize(
    "name", ["host=evil", "postgresql://evil/x", "-e", "it's", "back\\slash", "a b", "naïve ☕"]
)
def test_a_database_name_is_data_whatever_it_looks_like(postgres_server: Server, name: str):
    database = postgres_server.create_database(name)
    with private_passfile(postgres_server.cluster.password) as passfile:
        told = _run_psql(_settings(database), "SELECT current_database()", passfile=passfile)
    assert told == name


def test_the_environment_does_not_steer_a_client(empty_database: Database):
    with private_passfile(empty_database.server.cluster.password) as passfile:
        told = _run_psql(
            _settings(empty_database),
            "SELECT current_setting('search_path'), current_setting('application_name')",
            passfile=passfile,
        )
    assert told == '"$user", public|test'


def test_the_users_own_password_file_counts_when_the_url_has_no_password(
    empty_database: Database, tmp_path: Path
):
    file = tmp_path / "pgpass"
    file.touch(0o600)
    file.write_text(f"*:*:{empty_database.name}:*:{empty_database.server.cluster.password}\n")
    environment = libpq_environment(
        inherited={"PGPASSFILE": str(file), "PGHOST": "evil"}, application_name="test"
    )
    assert environment["PGPASSFILE"] == str(file)
    argv = [str(embedded_programs() / "psql"), "-w", "-c", "SELECT 1", "-d"]
    conninfo = quote_conninfo(_settings(empty_database))
    answer = run_child([*argv, conninfo], environment=environment, timeout=20)
    assert answer.returncode == 0, answer.words


def test_a_password_can_never_become_an_argument():
    with pytest.raises(ValueError, match="private_passfile"):
        quote_conninfo({"host": "db", "password": "secret"})


def test_only_root_can_start_a_child_as_somebody_else_and_it_has_no_privileges_then():
    argv = ["/bin/cat", "/proc/self/status"]
    answer = run_child(argv, environment={}, timeout=10, user="nobody")
    if os.geteuid() != 0:
        assert answer.returncode != 0
        return
    fields = dict(line.split(":\t", 1) for line in answer.stdout.decode().splitlines())
    assert set(fields["Uid"].split()) == {str(pwd.getpwnam("nobody").pw_uid)}
    assert (fields["CapEff"], fields["NoNewPrivs"]) == ("0" * 16, "1")
