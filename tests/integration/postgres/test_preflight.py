"""What is asked before a backup, on a real server: all at once, with the remedy."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import pq

from orchestrator.clock import SystemClock
from orchestrator.engines.postgres.children import forget_libpq_variables
from orchestrator.engines.postgres.preflight.advice import _is_local
from orchestrator.engines.postgres.preflight.inspector import PostgresInspector
from orchestrator.engines.postgres.session import connect
from orchestrator.engines.postgres.set_aside import RESTORING, aside_comment
from orchestrator.errors import MissingPrivilegeError
from orchestrator.model.policy import Policy, TableSelection
from orchestrator.model.secret import Secret
from orchestrator.ports.preflight import Finding, Severity
from tests.support.builders import a_policy
from tests.support.postgres import Database, Server
from tests.support.source_engine import a_source, open_snapshot


def inspector() -> PostgresInspector:
    return PostgresInspector(clock=SystemClock(), environment=dict(os.environ))


def policy_for(url: str, database: str = "app", **changes: object) -> Policy:
    source = replace(a_source(url, database), restore_url=Secret(url, "test"))
    return replace(a_policy(source=source), **changes)


def problems(found: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in found if finding.severity is Severity.PROBLEM]


def said(found: Sequence[Finding], severity: Severity) -> str:
    return "\n".join(
        f"{finding.what} → {finding.next_step}" for finding in found if finding.severity is severity
    )


def test_everything_that_is_wrong_with_a_database_is_said_at_once(postgres_server: Server):
    database = postgres_server.create_database()
    database.execute(
        "CREATE TABLE closed (id int); CREATE TABLE hidden (id int);"
        "ALTER TABLE hidden ENABLE ROW LEVEL SECURITY"
    )
    role = postgres_server.create_role()
    selection = TableSelection(include=("public.nosuch",))
    policy = policy_for(database.url_for(role), database.name, tables=selection)
    found = inspector().inspect_database(policy, policy.source.databases[0])
    assert problems(found) == ["ORC-204", "ORC-206"]
    remedy = said(found, Severity.PROBLEM)
    assert f'GRANT SELECT ON TABLE "public"."closed" TO "{role.name}";' in remedy
    assert f'ALTER ROLE "{role.name}" BYPASSRLS;' in remedy


def test_a_run_says_all_of_it_too(postgres_server: Server):
    database = postgres_server.create_database()
    database.execute("CREATE TABLE closed (id int)")
    role = postgres_server.create_role()
    selection = TableSelection(include=("public.nosuch",))
    with (
        pytest.raises(MissingPrivilegeError) as caught,
        open_snapshot(database.url_for(role), database.name, selection=selection),
    ):
        pass
    assert "public.nosuch" in caught.value.what
    assert "GRANT SELECT" in caught.value.next_step
    assert "correct the pattern" in caught.value.next_step


def test_a_role_that_may_not_connect_is_told_the_grant(postgres_server: Server):
    database = postgres_server.create_database()
    role = postgres_server.create_role()
    database.execute(f'REVOKE CONNECT ON DATABASE "{database.name}" FROM PUBLIC')
    policy = policy_for(postgres_server.url("postgres", role), database.name)
    (found,) = inspector().inspect_database(policy, policy.source.databases[0])
    assert found.code == "ORC-204"
    assert f'GRANT CONNECT ON DATABASE "{database.name}" TO "{role.name}";' in found.next_step


def test_a_server_that_is_down_is_one_problem():
    policy = policy_for("postgresql://backup@127.0.0.1:1/app")
    (found,) = inspector().inspect_server(policy)
    assert (found.code, found.subject) == ("ORC-201", "server 127.0.0.1:1")


def test_superusers_are_warned_of_and_a_role_that_may_not_create_databases_is(
    empty_database: Database,
):
    role = empty_database.server.create_role()
    strong = said(inspector().inspect_server(policy_for(empty_database.url)), Severity.WARNING)
    assert "the backup role 'postgres' is a superuser" in strong
    assert "restores run as the superuser" in strong
    weak = inspector().inspect_server(policy_for(empty_database.url_for(role)))
    assert "may not create databases" in said(weak, Severity.WARNING)
    assert problems(weak) == []


def test_what_pg_read_all_data_exposes_is_said(empty_database: Database):
    role = empty_database.server.create_role()
    empty_database.execute(f'GRANT pg_read_all_data TO "{role.name}"')
    found = inspector().inspect_server(policy_for(empty_database.url_for(role)))
    assert "pg_authid" in said(found, Severity.NOTE)


def test_time_outs_that_the_role_carries_and_tables_that_no_pattern_names_are_listed(
    empty_database: Database,
):
    empty_database.execute(
        "CREATE TABLE named (id int); CREATE TABLE forgotten (id int);"
        f"ALTER DATABASE {empty_database.name} SET statement_timeout = '5s'"
    )
    selection = TableSelection(include=("public.named",))
    policy = policy_for(empty_database.url, empty_database.name, tables=selection)
    found = inspector().inspect_database(policy, policy.source.databases[0])
    assert problems(found) == []
    assert "statement_timeout = 5000ms" in said(found, Severity.NOTE)
    assert "public.forgotten" in said(found, Severity.WARNING)


def test_a_clock_that_differs_from_the_server_s_is_warned_of(empty_database: Database):
    class Late:
        def now(self) -> datetime:
            return datetime.now(UTC) - timedelta(minutes=6)  # noqa: TID251 - a wrong real clock

        def monotonic(self) -> float:
            return 0.0

    late = PostgresInspector(clock=Late(), environment=dict(os.environ))
    assert "clock" in said(late.inspect_server(policy_for(empty_database.url)), Severity.WARNING)


@pytest.mark.parametrize(
    ("host", "address", "is_local"),
    [
        ("/run/postgresql", "", True),
        ("", "", True),
        ("localhost", "", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("db.example.com", "192.0.2.7", False),
        ("192.0.2.7", "", False),
    ],
)
def test_only_connections_that_leave_the_machine_need_a_certificate(
    host: str, address: str, *, is_local: bool
):
    assert _is_local(host, address) is is_local


# ------------------------------------------------------------------ lists of databases
HOSTILE = ["host=evil sslmode=disable", "postgresql://evil/x", "--help", "a'b\"c", "näme", "a\nb"]


def test_databases_are_listed_by_their_names_whatever_they_look_like(postgres_server: Server):
    for name in HOSTILE:
        postgres_server.create_database(name)
    source = a_source(postgres_server.url(), "app")
    assert set(HOSTILE) <= set(inspector().list_databases(source))


def test_templates_and_closed_databases_are_not_listed(postgres_server: Server):
    names = ["i3_template", "i3_closed", "i3_open"]
    databases = [postgres_server.create_database(name) for name in names]
    databases[0].server.database("postgres").execute(
        "ALTER DATABASE i3_template IS_TEMPLATE true;"
        "ALTER DATABASE i3_closed ALLOW_CONNECTIONS false"
    )
    listed = inspector().list_databases(a_source(postgres_server.url(), "app"))
    postgres_server.database("postgres").execute("ALTER DATABASE i3_template IS_TEMPLATE false")
    assert set(names) & set(listed) == {"i3_open"}


def test_what_a_restore_made_is_known_by_its_comment_and_not_by_its_name(postgres_server: Server):
    comments = {
        "app_restoring_0a1b2c": "a database like any other",
        "i3_building": RESTORING,
        "i3_before": aside_comment("i3_before", former="the books"),
        "i3_in_use_again": aside_comment("i3_in_use"),
    }
    for name, comment in comments.items():
        database = postgres_server.create_database(name)
        database.execute(f"COMMENT ON DATABASE {name} IS '{comment}'")
    listed = inspector().list_databases(a_source(postgres_server.url(), "app"))
    assert set(comments) & set(listed) == {"app_restoring_0a1b2c", "i3_in_use_again"}


def test_a_url_without_a_database_of_its_own_lists_through_postgres(postgres_server: Server):
    source = a_source(postgres_server.url("no_such_database"), "app")
    assert "postgres" in inspector().list_databases(source)


# ------------------------------------------------------------------ S12: the environment
HARMFUL = {
    "PGHOST": "203.0.113.1",
    "PGHOSTADDR": "203.0.113.1",
    "PGPORT": "1",
    "PGDATABASE": "evil",
    "PGUSER": "evil",
    "PGPASSWORD": "evil",
    "PGSERVICE": "evil",
    "PGOPTIONS": "-c search_path=evil -c statement_timeout=1",
    "PGSSLMODE": "verify-full",
    "PGSSLROOTCERT": "/nonexistent",
    "PGREQUIREAUTH": "gss",
    "PGCHANNELBINDING": "require",
    "PGTARGETSESSIONATTRS": "standby",
    "PGCLIENTENCODING": "LATIN1",
    "PGAPPNAME": "evil",
    "PGCONNECT_TIMEOUT": "nonsense",
    "PGDATESTYLE": "nonsense",
    "PGTZ": "nonsense",
    "PGGEQO": "nonsense",
}


def known_variables() -> set[str]:
    options = (option.envvar for option in pq.Conninfo.get_defaults())
    by_parameter = {name.decode() for name in options if name}
    return by_parameter | {"PGDATESTYLE", "PGTZ", "PGGEQO", "PGREQUIRESSL", "PGLOCALEDIR"}


@pytest.mark.parametrize("name", sorted(known_variables() - {"PGPASSFILE"}))
def test_no_variable_of_libpq_changes_how_we_connect(
    name: str, empty_database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, HARMFUL.get(name, "nonsense"))
    url = Secret(empty_database.url, "test")
    with connect(url, database=None, application_name="test") as connection:
        row = connection.execute(
            "SELECT current_database(), current_setting('search_path'),"
            " current_setting('statement_timeout'), current_setting('application_name')"
        ).fetchone()
    assert row == (empty_database.name, '""', "0", "test")


def test_files_with_passwords_and_services_are_still_found(monkeypatch: pytest.MonkeyPatch):
    kept = {"PGPASSFILE": "/a", "PGSERVICEFILE": "/b", "PGSYSCONFDIR": "/c"}
    for name, value in {**kept, **HARMFUL}.items():
        monkeypatch.setenv(name, value)
    forget_libpq_variables()
    assert {name: os.environ[name] for name in os.environ if name.startswith("PG")} == kept


def test_some_of_these_variables_would_have_changed_it(
    empty_database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(empty_database.url)


def test_foreign_keys_that_leave_the_backed_up_tables_are_warned_of(empty_database: Database):
    empty_database.execute(
        "CREATE TABLE users (id int PRIMARY KEY); CREATE TABLE kept (id int PRIMARY KEY);"
        "CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY LIST (id);"
        "CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);"
        "CREATE TABLE part_2 PARTITION OF parted FOR VALUES IN (2);"
        "CREATE TABLE notes (kept int REFERENCES kept, author int REFERENCES users,"
        " place int REFERENCES parted); CREATE TABLE logs (who int REFERENCES users)"
    )
    selection = TableSelection(exclude=("public.users", "public.logs", "public.part_2"))
    policy = policy_for(empty_database.url, empty_database.name, tables=selection)
    found = inspector().inspect_database(policy, policy.source.databases[0])
    warned = [one.what for one in found if one.severity is Severity.WARNING]
    assert [words.partition(": ")[0] for words in warned] == [
        "notes_author_fkey of public.notes references public.users",
        "notes_place_fkey of public.notes references public.parted",
    ]
    whole = policy_for(empty_database.url, empty_database.name)
    found = inspector().inspect_database(whole, whole.source.databases[0])
    assert said(found, Severity.WARNING) == ""
