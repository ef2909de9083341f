"""A server or network that freezes under a replacement ends it, and sets the tables free."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from orchestrator.errors import StalledError
from orchestrator.ports.restoring.existing_database import Replacement
from tests.support.freezing_proxy import FreezingProxy, freezing_proxy
from tests.support.postgres import Database, eventually
from tests.support.replacing import a_table, opened_at, wanted

STALL = timedelta(seconds=2)
WHAT = wanted(a_table("t", id="integer"))
OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'orchestrator:replace-test'"


@pytest.fixture
def database(empty_database: Database) -> Database:
    empty_database.execute("CREATE TABLE t (id int); INSERT INTO t VALUES (1)")
    return empty_database


def is_free(database: Database) -> bool:
    with database.connect() as reader:
        reader.execute("SET lock_timeout = '100ms'")
        try:
            return reader.execute("SELECT id FROM t").fetchall() == [(1,)]
        except psycopg.errors.LockNotAvailable:
            return False


def through(proxy: FreezingProxy, database: Database) -> str:
    return psycopg.conninfo.make_conninfo(database.url, port=str(proxy.port))


def test_a_network_that_freezes_in_a_copy_ends_it_and_the_server_frees_the_tables(
    database: Database,
):
    def endless(proxy: FreezingProxy) -> Iterator[bytes]:
        yield b"7\n" * 300_000
        proxy.freeze()
        while True:
            yield b"7\n" * 300_000

    def replace(proxy: FreezingProxy) -> None:
        url = through(proxy, database)
        with (
            opened_at(url, database.name, stall_timeout=STALL) as existing,
            existing.replacing(WHAT, existing.look(WHAT)) as replacement,
        ):
            replacement.empty_tables()
            replacement.loader.load_table(WHAT.tables[0], endless(proxy))

    with freezing_proxy(database.server.cluster.port) as proxy:
        with pytest.raises(StalledError, match="sent nothing for 2 s"):
            replace(proxy)
        eventually(lambda: is_free(database))
        assert database.execute(f"{OURS} AND xact_start IS NOT NULL") == []


CHILD = """
import sys, time
from datetime import timedelta
from tests.support.replacing import a_table, opened_at, wanted
WHAT = wanted(a_table("t", id="integer"))
with opened_at(sys.argv[1], sys.argv[2], stall_timeout=timedelta(seconds=2)) as existing:
    with existing.replacing(WHAT, existing.look(WHAT)) as replacement:
        replacement.empty_tables()
        def text():
            yield b"7\\n" * 300_000
            print("loading", flush=True)
            time.sleep(60)
        {end}
"""


@pytest.mark.parametrize("busy", ["in the midst of a COPY", "between statements"])
def test_a_client_that_is_killed_behind_a_frozen_proxy_leaves_no_lock(
    database: Database, busy: str
):
    end = "replacement.loader.load_table(WHAT.tables[0], text())"
    if busy == "between statements":
        end = "next(iter(text())); print('loading', flush=True); time.sleep(60)"
    with freezing_proxy(database.server.cluster.port) as proxy:
        arguments = [CHILD.replace("{end}", end), through(proxy, database), database.name]
        with subprocess.Popen(
            [sys.executable, "-c", *arguments], stdout=subprocess.PIPE, text=True
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == "loading\n"
            proxy.freeze()
            child.kill()
        assert not is_free(database)
        eventually(lambda: is_free(database))


def test_a_pause_of_ours_that_is_longer_than_the_time_out_loses_nothing(database: Database):
    with (
        opened_at(
            database.url, database.name, stall_timeout=timedelta(milliseconds=600)
        ) as existing,
        existing.replacing(WHAT, existing.look(WHAT)) as replacement,
    ):
        replacement.empty_tables()
        time.sleep(2)
        _slow_statement(replacement)
        replacement.loader.load_table(WHAT.tables[0], [b"7\n"])
        replacement.restore_guards()
    assert database.execute("SELECT id FROM t") == [(7,)]


def _slow_statement(replacement: Replacement) -> None:
    """Let the server be silent for longer than the time-out while it works."""
    replacement.loader.connection.execute("SELECT pg_catalog.pg_sleep(2)")  # type: ignore[attr-defined] # the engine's own


def test_a_server_that_freezes_is_noticed(database: Database):
    stopped: list[int] = []

    def replace() -> None:
        with (
            opened_at(database.url, database.name, stall_timeout=STALL) as existing,
            existing.replacing(WHAT, existing.look(WHAT)) as replacement,
        ):
            for (pid,) in database.execute(OURS):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
            replacement.empty_tables()

    began = time.monotonic()
    try:
        with pytest.raises(StalledError, match="sent nothing for"):
            replace()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert time.monotonic() - began < STALL.total_seconds() + 10
    eventually(lambda: is_free(database))
