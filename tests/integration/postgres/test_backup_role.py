"""The SQL of docs/backup-role.md, run as it stands: a backup and a restore work with it, no more."""

import os
import re
from pathlib import Path

import psycopg
import pytest

from orchestrator.clock import SystemClock
from orchestrator.engines.postgres.preflight.inspector import PostgresInspector
from orchestrator.model.policy import Policy
from orchestrator.ports.preflight import Finding, Severity
from tests.support.builders import a_policy
from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database, Role, Server
from tests.support.source_engine import a_source

PAGE = (Path(__file__).parents[3] / "docs" / "backup-role.md").read_text("utf-8")
BLOCK = re.compile(r"(?:<!-- role: (?P<name>[a-z -]+) -->\n)?```sql\n(?P<sql>.*?)```", re.DOTALL)
SQL = {found["name"] or "create": found["sql"] for found in BLOCK.finditer(PAGE)}
SECURED = (
    "CREATE TABLE secured (id int PRIMARY KEY);"
    "INSERT INTO secured VALUES (1), (2);"
    "ALTER TABLE secured ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
    "CREATE POLICY odd ON secured USING (id % 2 = 1);"
)


@pytest.fixture
def app(postgres_server: Server) -> Database:
    """The database `app` of the role `app_owner`, as the page has it."""
    postgres_server.create_role("app_owner")
    database = postgres_server.create_database("app", options="OWNER app_owner")
    database.execute(
        "CREATE SCHEMA app AUTHORIZATION app_owner; SET ROLE app_owner; SET search_path = app;"
        "CREATE TABLE clients (id serial PRIMARY KEY, name text);"
        "INSERT INTO clients (name) SELECT 'client ' || i FROM generate_series(1, 100) i;"
        f"{SECURED}"
    )
    return database


def apply_page(app: Database, *blocks: str) -> Role:
    for block in blocks:
        app.execute(SQL[block])
    return Role("backup", "choose another one")


def restorer(app: Database) -> Role:
    app.execute(SQL["restores"])
    return Role("restorer", "choose yet another one")


def test_a_backup_by_the_role_of_the_page_comes_back_whole(app: Database, tmp_path: Path):
    backup = apply_page(app, "create", "by schema", "row-level security")
    urls = {"RESTORE_URL": app.url_for(restorer(app))}
    policy = POLICY.replace("lock_timeout: 3s", 'restore_url: "${env:RESTORE_URL}"')
    workplace = Workplace(tmp_path, app.url_for(backup), policy=policy, extra=urls)
    app.execute("SET ROLE app_owner; CREATE TABLE app.later AS SELECT generate_series(1, 3) AS id")

    workplace.run("backup", "practice")
    workplace.run("restore", "latest", "--into-new", "app_back")

    back = app.server.database("app_back")
    assert back.execute("SELECT count(*) FROM app.clients") == [(100,)]
    assert back.execute("SELECT count(*) FROM app.secured") == [(2,)]
    assert back.execute("SELECT count(*) FROM app.later") == [(3,)]
    owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'app'"
    assert back.execute(owners) == [("app_owner",)]


@pytest.mark.parametrize("reading", ["everything", "by schema"])
def test_with_each_way_to_read_nothing_is_missing_but_what_row_level_security_hides(
    reading: str, app: Database
):
    if reading == "everything":
        app.execute("SELECT lo_from_bytea(0, 'large')")
    policy = a_policy(source=a_source(app.url_for(apply_page(app, "create", reading)), "app"))

    (hidden,) = problems_of(policy)
    assert hidden.next_step.endswith("row-level security on app.secured")
    app.execute(SQL["row-level security"])
    assert problems_of(policy) == []


def problems_of(policy: Policy) -> list[Finding]:
    inspector = PostgresInspector(clock=SystemClock(), environment=dict(os.environ))
    found = inspector.inspect_database(policy, policy.source.databases[0])
    return [finding for finding in found if finding.severity is Severity.PROBLEM]


def test_the_role_of_the_page_can_write_nothing(app: Database):
    backup = apply_page(app, "create", "by schema")
    with app.connect(backup) as session, pytest.raises(psycopg.Error):
        session.execute("INSERT INTO app.clients (name) VALUES ('forged')")
    with app.connect(backup) as session, pytest.raises(psycopg.Error):
        session.execute("SELECT rolpassword FROM pg_authid")
