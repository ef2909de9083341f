"""Backups of servers that follow each other, as users see them (pitfall 45, fault F41)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.support.command_line import POLICY, Result, Workplace
from tests.support.postgres import Database, Role, eventually, running_server
from tests.support.standby import caught_up, running_standby

ROWS = "INSERT INTO t SELECT generate_series(1, {})"


@dataclass(frozen=True)
class Pair:
    """A primary, its standby, and a role that only reads."""

    primary: Database
    standby: Database
    role: Role

    def back_up(self, place: Workplace, database: Database, *, expect: int = 0) -> Result:
        place = replace(place, database_url=database.url_for(self.role))
        return place.run("backup", "practice", expect=expect)


@pytest.fixture
def place(tmp_path: Path) -> Workplace:
    policy = POLICY.replace("lock_timeout: 3s", "lock_timeout: 3s\n      max_standby_lag: 1m")
    return Workplace(tmp_path, "postgresql:///nowhere", policy=policy)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with running_server(wal_level="replica") as server:
        primary = server.create_database("app")
        primary.execute("CREATE TABLE t (id int); " + ROWS.format(70))
        role = server.create_role(options="IN ROLE pg_read_all_data, pg_read_all_stats")
        with running_standby(server) as standby:
            yield Pair(primary, caught_up(standby, primary), role)


def take_over(pair: Pair) -> None:
    pair.primary.server.cluster.stop()
    pair.standby.server.cluster.start()
    pair.standby.execute("SELECT pg_promote()")


def test_a_failover_to_a_node_that_was_behind_is_suspicious_and_says_so(
    pair: Pair, place: Workplace
) -> None:
    pair.standby.server.cluster.stop()
    pair.primary.execute(ROWS.format(30) + "; CHECKPOINT")
    pair.back_up(place, pair.primary)
    take_over(pair)
    # It has a longer log than the backup by now, and never saw the end of the other's.
    pair.standby.execute("CREATE TABLE log AS SELECT generate_series(1, 50000) AS id")
    said = pair.back_up(place, pair.standby, expect=3)
    assert "took over, or was brought back, without everything" in said.out + said.err
    assert "(timeline 1, now 2)" in said.out + said.err
    assert [backup["suspicious"] for backup in place.listed()] in ([True, False], [False, True])


def fail_over_with_everything(pair: Pair, place: Workplace) -> None:
    pair.primary.execute(ROWS.format(30) + "; SELECT pg_switch_wal()")
    pair.back_up(place, pair.primary)
    caught_up(pair.standby.server, pair.primary)
    take_over(pair)


def test_a_failover_to_a_node_that_had_everything_is_as_it_should_be(
    pair: Pair, place: Workplace
) -> None:
    may_read = "GRANT EXECUTE ON FUNCTION pg_read_file(text, bigint, bigint, boolean) TO {}"
    pair.primary.execute(may_read.format(pair.role.name))
    fail_over_with_everything(pair, place)
    said = pair.back_up(place, pair.standby)
    assert "timeline" not in said.out + said.err
    assert [backup["suspicious"] for backup in place.listed()] == [False, False]
    assert "timeline 2" in replace(place, database_url=pair.standby.url).run("show", "latest").out


def test_a_role_that_may_not_read_the_history_is_told_that_nothing_proves_a_failover_harmless(
    pair: Pair, place: Workplace
) -> None:
    fail_over_with_everything(pair, place)
    said = pair.back_up(place, pair.standby)
    assert "whether it had everything then cannot be told" in said.out + said.err
    assert [backup["suspicious"] for backup in place.listed()] == [False, False]


def test_a_node_that_a_failover_left_behind_is_suspicious_when_it_answers_again(
    pair: Pair, place: Workplace
) -> None:
    pair.standby.execute("SELECT pg_promote()")
    pair.back_up(place, pair.standby)
    pair.primary.execute(ROWS.format(50000))
    said = pair.back_up(place, pair.primary, expect=3)
    assert "a failover left this server behind" in said.out + said.err


def test_a_backup_of_a_standby_says_up_to_when_it_followed(pair: Pair, place: Workplace) -> None:
    pair.back_up(place, pair.standby)
    ((until,),) = pair.standby.execute("SELECT pg_last_xact_replay_timestamp()")
    shown = place.run("show", "latest")
    assert (
        f"a standby; the last transaction it had replayed was committed at {until:%Y-}" in shown.out
    )
    contents = place.run("show", "latest", "--json").document["contents"]
    assert (contents["standby"], contents["timeline"]) == (True, 1)
    assert contents["replayed_until"] == f"{until:%Y-%m-%dT%H:%M:%SZ}"


def test_a_standby_whose_primary_is_gone_says_so_and_then_gives_no_backup(
    pair: Pair, place: Workplace
) -> None:
    pair.primary.server.cluster.stop()
    eventually(lambda: pair.standby.execute("SELECT FROM pg_stat_wal_receiver") == [])
    still_fresh = pair.back_up(place, pair.standby)
    assert "a standby that receives nothing" in still_fresh.out + still_fresh.err
    pair.standby.server.cluster.restart()
    said = pair.back_up(place, pair.standby, expect=1)
    assert "ORC-218" in said.err
    assert "it receives nothing from there" in said.err
    assert len(place.listed()) == 1
