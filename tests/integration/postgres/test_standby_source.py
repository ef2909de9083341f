"""Standbys as the source: which are refused, and what a backup records of them (pitfall 45)."""

import os
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest

from orchestrator.clock import SystemClock
from orchestrator.engines.postgres.backup.refusals.standby import read_standby
from orchestrator.engines.postgres.backup.wal_position import read_wal_position
from orchestrator.engines.postgres.preflight.inspector import PostgresInspector
from orchestrator.errors import StandbyBehindError
from orchestrator.model.contents import ServerIdentity, WalPosition, position_of
from orchestrator.ports.preflight import Severity
from tests.support.builders import a_policy
from tests.support.postgres import Database, Role, Server, eventually, running_server
from tests.support.source_engine import a_source, open_snapshot
from tests.support.standby import caught_up, running_standby

ALLOWED = timedelta(seconds=2)
HIDE_RECEIVER = "REVOKE EXECUTE ON FUNCTION pg_stat_get_wal_receiver() FROM public"
FAILING = """
ALTER FUNCTION pg_catalog.pg_walfile_name(pg_lsn) RENAME TO pg_original_walfile_name;
CREATE FUNCTION pg_catalog.pg_walfile_name(pg_lsn) RETURNS text LANGUAGE plpgsql AS
$$BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{}'; END$$
"""
QUIET = "SELECT clock_timestamp() - pg_last_xact_replay_timestamp() > interval '2.2 s'"


@pytest.fixture
def pair() -> Iterator[tuple[Database, Database]]:
    """A primary's database, and its copy at a standby that follows."""
    with running_server(wal_level="replica") as primary:
        original = primary.create_database()
        original.execute("CREATE TABLE t AS SELECT generate_series(1, 9) AS id")
        with running_standby(primary) as standby:
            yield original, caught_up(standby, original)


def identity(source: Database, role: Role | None = None) -> ServerIdentity:
    url = source.url if role is None else source.url_for(role)
    with open_snapshot(url, source.name, max_standby_lag=timedelta(days=1)) as snapshot:
        return snapshot.contents.identity


def known(source: Database, role: Role | None = None) -> WalPosition:
    wal = identity(source, role).wal
    assert wal is not None
    return wal


def warned(url: str, max_standby_lag: timedelta = ALLOWED) -> str:
    """Return what `validate --online` warns of."""
    inspector = PostgresInspector(clock=SystemClock(), environment=dict(os.environ))
    source = a_source(url, "postgres", max_standby_lag=max_standby_lag)
    found = inspector.inspect_server(a_policy(source=source))
    return "\n".join(
        f"{one.what} {one.next_step}" for one in found if one.severity is Severity.WARNING
    )


def reader_of(server: Server, options: str = "") -> Role:
    return server.create_role(options=f"IN ROLE pg_read_all_data{options}")


def test_a_standby_whose_primary_is_gone_is_refused_even_if_it_cannot_tell_how_old_it_is(
    pair: tuple[Database, Database],
) -> None:
    original, source = pair
    original.server.cluster.stop()
    source.server.cluster.restart()
    assert source.execute("SELECT pg_last_xact_replay_timestamp()") == [(None,)]
    with pytest.raises(StandbyBehindError, match="cannot tell how far") as caught:
        identity(source)
    assert "it receives nothing from there" in caught.value.what
    assert "primary_conninfo" in caught.value.next_step


def test_a_backup_of_a_standby_that_just_lost_its_primary_says_so(
    pair: tuple[Database, Database],
) -> None:
    original, source = pair
    with open_snapshot(source.url, source.name) as snapshot:
        assert snapshot.contents.cautions == ()
    original.server.cluster.stop()
    eventually(lambda: source.execute("SELECT FROM pg_stat_wal_receiver") == [])
    with open_snapshot(source.url, source.name) as snapshot:
        (caution,) = snapshot.contents.cautions
    assert "a standby that receives nothing from its primary" in caution


def test_a_quiet_primary_is_told_from_one_that_is_gone_by_roles_that_see_the_receiver(
    pair: tuple[Database, Database],
) -> None:
    original, source = pair
    blind = reader_of(original.server)
    seeing = reader_of(original.server, ", pg_read_all_stats")
    source.execute("ALTER SYSTEM SET wal_receiver_timeout = '2s'")
    source.execute("SELECT pg_reload_conf()")
    caught_up(source.server, original)
    eventually(lambda: source.execute(QUIET) == [(True,)])
    with open_snapshot(source.url_for(seeing), source.name, max_standby_lag=ALLOWED):
        pass
    with (
        pytest.raises(StandbyBehindError, match="may not see when it heard") as caught,
        open_snapshot(source.url_for(blind), source.name, max_standby_lag=ALLOWED),
    ):
        pass
    assert f"GRANT pg_read_all_stats TO {blind.name};" in caught.value.next_step.replace('"', "")


def test_what_will_be_refused_is_warned_of_before(pair: tuple[Database, Database]) -> None:
    original, source = pair
    blind = reader_of(original.server)
    caught_up(source.server, original)
    assert f'GRANT pg_read_all_stats TO "{blind.name}";' in warned(source.url_for(blind))
    assert "asks a quiet primary for a sign of life after half" in warned(source.url)
    assert "sign of life" not in warned(source.url, max_standby_lag=timedelta(minutes=5))
    original.server.cluster.stop()
    eventually(lambda: source.execute("SELECT FROM pg_stat_wal_receiver") == [])
    assert "receives nothing from its primary" in warned(source.url)


def test_a_connection_to_the_primary_is_no_proof_of_being_fresh_only_what_came_through_it_is(
    pair: tuple[Database, Database],
) -> None:
    _, source = pair

    def lag() -> timedelta:
        with source.connect() as connection:
            standby = read_standby(connection)
        assert standby is not None
        assert standby.is_receiving
        assert standby.lag is not None
        return standby.lag

    eventually(lambda: lag() > timedelta(seconds=1))


def test_where_the_log_stands_is_recorded_of_a_primary_and_a_standby_by_any_role(
    pair: tuple[Database, Database],
) -> None:
    original, source = pair
    role = reader_of(original.server)
    original.execute("SELECT pg_switch_wal()")
    of_primary = known(original, role)
    caught_up(source.server, original)
    of_standby = known(source)
    assert (of_primary.timeline, of_standby.timeline) == (1, 1)
    assert 0 < of_primary.position <= of_standby.position
    assert of_primary.replayed_until is None
    assert of_standby.replayed_until is not None
    assert known(source, role).timeline is None


def test_a_promoted_node_says_where_it_took_over_and_what_led_to_it(
    pair: tuple[Database, Database],
) -> None:
    original, source = pair
    role = reader_of(original.server)
    before = known(caught_up(source.server, original))
    source.execute("SELECT pg_promote()")
    by_superuser, by_reader = known(source), known(source, role)
    ((forked,),) = source.execute("SELECT pg_last_wal_replay_lsn()::text")
    assert by_reader.recovered_to == position_of(forked) >= before.position
    assert (by_superuser.timeline, by_reader.timeline, by_reader.history) == (2, 2, None)
    assert by_superuser.history is not None
    assert [(end.timeline, end.position) for end in by_superuser.history] == [
        (1, position_of(forked))
    ]


def test_a_server_that_does_not_tell_where_its_log_stands_is_backed_up_all_the_same(
    empty_database: Database,
) -> None:
    empty_database.execute("CREATE TABLE t (); REVOKE ALL ON FUNCTION pg_walfile_name FROM public")
    assert identity(empty_database, reader_of(empty_database.server)).wal is None


def test_a_primary_is_not_asked_about_a_receiver_that_its_service_hides(
    empty_database: Database,
) -> None:
    empty_database.execute(HIDE_RECEIVER)
    with empty_database.connect(reader_of(empty_database.server)) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT * FROM pg_stat_wal_receiver")
        assert read_standby(connection) is None


def test_a_standby_that_refuses_to_show_its_receiver_is_one_whose_receiver_is_hidden(
    pair: tuple[Database, Database],
) -> None:
    original, source = pair
    role = reader_of(original.server)
    original.execute(HIDE_RECEIVER)
    caught_up(source.server, original)
    with source.connect(role) as connection, connection.transaction():
        standby = read_standby(connection)
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert standby is not None
    assert (standby.is_hidden, standby.is_refused) == (True, True)
    assert standby.lag == standby.replayed_ago is not None
    original.execute(standby.grant())
    caught_up(source.server, original)
    with source.connect(role) as connection:
        seen = read_standby(connection)
    assert seen is not None
    assert (seen.is_hidden, seen.is_refused) == (False, False)


@pytest.mark.parametrize("state", ["P0001", "0A000", "22023", "XX000"])
def test_whatever_a_service_answers_instead_of_its_position_is_no_answer(
    empty_database: Database, state: str
) -> None:
    empty_database.execute(FAILING.format(state))
    with empty_database.connect() as connection, connection.transaction():
        assert read_wal_position(connection, in_recovery=False) is None
        assert connection.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("state", ["57014", "53200"])
def test_trouble_of_the_server_is_not_taken_for_a_position_that_is_not_told(
    empty_database: Database, state: str
) -> None:
    empty_database.execute(FAILING.format(state))
    with empty_database.connect() as connection, pytest.raises(psycopg.DatabaseError) as caught:
        read_wal_position(connection, in_recovery=False)
    assert caught.value.sqlstate == state


def test_a_connection_that_ends_is_not_taken_for_a_position_that_is_not_told(
    empty_database: Database,
) -> None:
    with empty_database.connect() as connection:
        empty_database.execute(f"SELECT pg_terminate_backend({connection.info.backend_pid}, 5000)")
        with pytest.raises(psycopg.DatabaseError):
            read_wal_position(connection, in_recovery=False)
