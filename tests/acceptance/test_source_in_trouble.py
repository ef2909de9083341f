"""Servers that refuse, restart, or are not who they were (faults F29, F41, F44), as users see it."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.freezing_proxy import freezing_proxy
from tests.support.postgres import Database, eventually, running_server

STALL_SECONDS = YIELD_SECONDS = 2
# The coordinator and two workers hold locks of their own; the fourth is pg_dump's.
DUMPING = """
SELECT 1 FROM pg_stat_activity a JOIN pg_locks l USING (pid)
WHERE a.application_name LIKE 'orchestrator:%' AND l.granted AND l.relation = 't'::regclass
HAVING count(DISTINCT pid) >= 4
"""
ALTERING = "SET lock_timeout = '20s'; ALTER TABLE t ADD x int"
READING = "SET lock_timeout = '20s'; SELECT count(*) FROM t"
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 't'::regclass"
COPYING = """
SELECT 1 FROM pg_stat_activity
WHERE application_name LIKE 'orchestrator:%' AND query LIKE 'COPY%' AND state = 'active'
"""


def at(workplace: Workplace, url: str, **changes: str) -> Workplace:
    return replace(workplace, database_url=psycopg.conninfo.make_conninfo(url, **changes))


@pytest.fixture
def workplace(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute("CREATE TABLE t AS SELECT generate_series(1, 100) AS id")
    return Workplace(tmp_path, empty_database.url)


def test_a_wrong_password_is_tried_twice_in_a_window_and_no_more(
    workplace: Workplace, empty_database: Database
):
    role = empty_database.server.create_role()
    url = psycopg.conninfo.make_conninfo(empty_database.url_for(role), password="rotated")
    place = at(workplace, url)
    place.run("apply", "--unattended", expect=1)
    place.run("apply", "--unattended", expect=None)
    log = empty_database.server.cluster.log()
    assert 1 <= len(re.findall(rf'password authentication failed for user "{role.name}"', log)) <= 2
    assert place.listed() == []


def test_a_backup_whose_sessions_are_terminated_is_none_and_the_next_succeeds(
    workplace: Workplace, empty_database: Database
):
    empty_database.execute(
        "CREATE TABLE big AS SELECT n,"
        " repeat(md5(n::text), 30) AS filler FROM generate_series(1, 50000) n"
    )
    with empty_database.connect() as connection, workplace.start("apply") as process:
        while process.poll() is None:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name LIKE 'orchestrator:%' AND query LIKE 'COPY%'"
            )
            time.sleep(0.03)
        _, err = process.communicate()
    assert process.returncode in (1, 69), err
    assert workplace.listed() == []
    assert not [path for path in workplace.stored_files() if path.name == "manifest.json"]
    workplace.run("apply")
    assert len(workplace.listed()) == 1


def test_another_cluster_behind_the_same_name_is_held_back_until_somebody_looked(
    workplace: Workplace, empty_database: Database
):
    workplace.run("apply")
    (first,) = workplace.listed()
    with running_server() as other:
        twin = other.create_database(empty_database.name)
        twin.execute("CREATE TABLE t AS SELECT generate_series(1, 100) AS id")
        said = at(workplace, twin.url).run("backup", "practice", expect=3)
    assert "the rows come from another server" in said.out + said.err
    listed = {backup["id"]: backup for backup in workplace.listed()}
    assert not listed.pop(first["id"])["suspicious"]
    assert [backup["suspicious"] for backup in listed.values()] == [True]


def test_a_network_that_is_cut_ends_the_backup_in_time_and_the_next_pass_takes_it(
    workplace: Workplace, empty_database: Database
):
    empty_database.execute(
        "CREATE TABLE big AS SELECT n,"
        " repeat(md5(n::text), 30) AS filler FROM generate_series(1, 100000) n"
    )
    policy = POLICY.replace("lock_timeout: 3s", "lock_timeout: 3s\n      stall_timeout: 2s")
    with freezing_proxy(empty_database.server.cluster.port) as proxy:
        proxy.pace = 0.02
        place = at(workplace, workplace.database_url, port=str(proxy.port))
        place = replace(place, policy=policy)
        with place.start("backup", "practice") as process:
            eventually(lambda: empty_database.execute(COPYING) != [])
            proxy.cut()
            began = time.monotonic()
            _, err = process.communicate(timeout=60)
    assert time.monotonic() - began < STALL_SECONDS + 20
    assert process.returncode in (1, 69), err
    assert re.search(r"ORC-2(01|09|10|11)", err), err
    assert not [path for path in place.stored_files() if path.name == "manifest.json"]
    assert (
        "proved to content" in replace(place, database_url=workplace.database_url).run("apply").out
    )


def test_no_select_waits_long_behind_a_change_that_the_backup_holds_up(
    workplace: Workplace, empty_database: Database
):
    empty_database.execute(
        "CREATE TABLE big AS SELECT md5(n::text) AS text FROM generate_series(1, 300000) n;"
        "DO $$ BEGIN FOR n IN 1..200 LOOP EXECUTE"
        " format('CREATE VIEW v%s AS SELECT id FROM t WHERE id > %s', n, n); END LOOP; END $$"
    )
    policy = POLICY.replace("lock_timeout: 3s", "lock_timeout: 3s\n      yield_after: 2s")
    with freezing_proxy(empty_database.server.cluster.port) as proxy:
        proxy.pace = 0.2
        place = at(workplace, workplace.database_url, port=str(proxy.port))
        with replace(place, policy=policy).start("backup", "practice") as process:
            eventually(lambda: empty_database.execute(DUMPING) != [])
            with ThreadPoolExecutor(2) as application:
                changing = application.submit(empty_database.execute, ALTERING)
                eventually(lambda: empty_database.execute(WAITING) != [])
                began = time.monotonic()
                application.submit(empty_database.execute, READING).result()
                waited = time.monotonic() - began
                changing.result()
            _, err = process.communicate()
    assert 1 < waited < YIELD_SECONDS + 5
    assert "ORC-213" in err
