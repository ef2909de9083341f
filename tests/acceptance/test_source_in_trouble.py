"""Servers that refuse, restart, or are not who they were (faults F29, F41, F44), as users see it."""

import re
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database, running_server


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
