"""Whole incidents with the real command: what is said, in what order, and what ends them."""

import shlex
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.integration.alerts.receivers import Webhook, a_port_that_hangs, a_webhook
from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database, Server, eventually, running_server

EVERYTHING = POLICY.replace("on: [failed]", "on: [all]")


def titles(hook: Webhook) -> list[str]:
    return [message["title"] for message in hook.messages]


def next_command(hook: Webhook) -> list[str]:
    """The command that the last message names, as somebody would type it."""
    lines = hook.messages[-1]["message"].splitlines()
    (line,) = [line for line in lines if line.startswith("Next command: ")]
    return shlex.split(line.removeprefix("Next command: orchestrator "))


def with_databases(server: Server, *names: str) -> tuple[list[Database], str]:
    """So many databases with a table, and the policy that backs them up."""
    databases = [server.create_database(name) for name in names]
    for database in databases:
        database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    url = 'url: "${env:DATABASE_URL}"'
    policy = EVERYTHING.replace(url, f"{url}\n      databases: [{', '.join(names)}]")
    return databases, policy


def test_a_server_that_is_down_is_one_incident_of_its_three_databases(tmp_path: Path):
    with running_server() as server, a_webhook() as hook:
        databases, policy = with_databases(server, "one", "two", "three")
        address = f"json://{hook.address}/"
        place = Workplace(tmp_path, databases[0].url, alert_url=address, policy=policy)
        server.cluster.stop()
        for _ in range(3):
            place.run("apply", expect=69)
        (opened,) = titles(hook)
        assert opened.startswith("[CRITICAL] server "), opened
        assert "(3 databases): backups failed: cannot be reached" in opened
        assert (
            "At risk: everything: there is no backup to go back to" in hook.messages[0]["message"]
        )
        place.run(*next_command(hook), expect=None)
        server.cluster.start()
        place.run("apply")
        place.run("apply")
        _, recovered = titles(hook)
    assert recovered.startswith("[OK] server ")
    assert recovered.endswith("(3 databases): backups succeed again")


@pytest.fixture
def told(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    return Workplace(tmp_path, empty_database.url, policy=EVERYTHING)


def test_damage_of_what_several_backups_share_ends_with_the_commands_that_the_message_names(
    told: Workplace, empty_database: Database
):
    with a_webhook() as hook:
        place = replace(told, alert_url=f"json://{hook.address}/")
        place.run("apply")
        for _ in range(2):
            place.run("backup", "practice")
        (chunk, *_) = [path for path in place.stored_files() if "chunks" in path.parts]
        chunk.chmod(0o600)
        chunk.write_bytes(b"\0" * chunk.stat().st_size)
        place.run("verify", "--all", expect=None)
        (opened,) = titles(hook)
        assert "damaged backup found" in opened
        assert "so are 2 other copies" in hook.messages[0]["message"]
        assert f"orchestrator backup practice --database {empty_database.name}" in opened + str(
            hook.messages[0]
        )
        place.run("backup", "practice", "--database", empty_database.name)
        place.run(*next_command(hook))
        assert [title.split("]")[0] for title in titles(hook)] == ["[CRITICAL", "[OK"]
        assert "CRITICAL" not in place.run("status", "--check").out


def test_uncovered_tables_of_one_of_several_databases_are_shown_by_the_command_of_the_message(
    tmp_path: Path, empty_database: Database
):
    server = empty_database.server
    names = (f"{empty_database.name}_a", f"{empty_database.name}_b")
    databases, policy = with_databases(server, *names)
    only_users = '    tables: {include: ["public.users"]}'
    policy = policy.replace("    schedules:", f"{only_users}\n    schedules:")
    databases[1].execute("CREATE TABLE forgotten AS SELECT 1 AS id")
    with a_webhook() as hook:
        address = f"json://{hook.address}/"
        place = Workplace(tmp_path, databases[0].url, alert_url=address, policy=policy)
        place.run("apply")
        assert "public.forgotten" in titles(hook)[-1]
        shown = place.run(*next_command(hook)).out
    assert names[1] in shown
    assert "public.forgotten" in shown


def test_the_commands_about_vanished_rows_show_them_and_end_it(
    told: Workplace, empty_database: Database
):
    with a_webhook() as hook:
        place = replace(told, alert_url=f"json://{hook.address}/")
        place.run("apply")
        empty_database.execute("DELETE FROM users WHERE id > 3")
        place.run("backup", "practice", expect=3)
        assert "table public.users has 3 rows" in titles(hook)[-1]
        assert "public.users" in place.run(*next_command(hook)).out
        good, suspicious = next_command(hook)[1:]
        assert f"Last good backup: {good}" in hook.messages[-1]["message"]
        place.run("acknowledge", suspicious, "--reason", "the purge was planned")
        place.run("apply")
        assert titles(hook)[-1].startswith("[OK] ")


def test_a_message_whose_sender_was_killed_arrives_once_when_its_channel_is_back(told: Workplace):
    dead = psycopg.conninfo.make_conninfo(told.database_url, port="1")
    with a_port_that_hangs() as address:
        place = replace(told, database_url=dead, alert_url=f"json://{address}/")
        for _ in range(2):
            with place.start("apply") as process:
                eventually(lambda: states(place) == ["sending"])
                process.kill()
            assert process.returncode == -signal.SIGKILL
    with a_webhook(500, port=int(address.rsplit(":")[-1])) as hook:
        for seconds in (0.5, 1.0):
            with place.start("apply") as process:
                time.sleep(seconds)
                process.kill()
        place.run("apply", expect=69)
        assert states(place) == ["failing"]
        hook.status, hook.messages = 200, []
        place.run("apply", expect=69)
        place.run("apply", expect=69)
        assert states(place) == ["sent"]
        (opened,) = titles(hook)
    assert "backup failed" in opened


def states(place: Workplace) -> list[str]:
    result = place.run("alerts", "list", "--json", expect=None)
    if result.code:
        return ["the catalog is not made yet"]
    return [message["state"] for message in result.document["messages"]]


def test_too_little_left_of_a_declared_capacity_is_told_and_its_end(
    told: Workplace, empty_database: Database
):
    empty_database.execute("CREATE TABLE big AS SELECT md5(n::text) FROM generate_series(1, 999) n")
    file = told.root / "policies" / "practice.yaml"
    limited = "url: file:../backups, capacity: 100KiB, low_storage: {free_below: 90%}"
    with a_webhook() as hook:
        place = replace(told, alert_url=f"json://{hook.address}/")
        file.write_text(EVERYTHING.replace("url: file:../backups", limited))
        place.run("apply")
        assert titles(hook)[-1].startswith("[WARNING] destination local: space is running out: ")
        assert "KiB of 100.0 KiB are free" in titles(hook)[-1]
        assert "less than 90 %" in hook.messages[-1]["message"]
        roomy = limited.replace("100KiB", "100MiB").replace("90%", "10%")
        file.write_text(EVERYTHING.replace("url: file:../backups", roomy))
        place.run("apply")
        assert titles(hook)[1:] == ["[OK] destination local: there is enough space again"]


def test_a_cause_that_gives_way_to_another_is_not_told_as_a_success(told: Workplace):
    """The server is named again, and then the backups are away: no backup succeeds meanwhile."""
    dead = psycopg.conninfo.make_conninfo(told.database_url, port="1")
    away = told.backups.with_name("backups.away")
    with a_webhook() as hook:
        place = replace(told, alert_url=f"json://{hook.address}/")
        place.run("apply")
        unreachable = replace(place, database_url=dead)
        unreachable.run("backup", "practice", expect=69)
        unreachable.run("apply", expect=None)
        told.backups.rename(away)
        place.run("backup", "practice", expect=None)
        server, destination = titles(hook)
        assert ": backup failed: server " in server
        assert ": backup failed: the marker of destination 'local' is not " in destination
        assert ":1, since " in hook.messages[1]["message"]
        shutil.rmtree(told.backups, ignore_errors=True)
        away.rename(told.backups)
        place.run("backup", "practice")
        place.run("apply")
    assert [title.split("]")[0] for title in titles(hook)[2:]] == ["[OK"]


def test_a_policy_that_is_not_there_any_more_is_said_to_be_so_and_not_to_be_right(
    told: Workplace, empty_database: Database
):
    files = told.root / "policies"
    with a_webhook() as hook:
        place = replace(told, alert_url=f"json://{hook.address}/")
        place.run("apply")
        empty_database.execute("DELETE FROM users")
        place.run("backup", "practice", expect=3)
        practice = (files / "practice.yaml").read_text()
        (files / "practice.yaml").write_text(practice.replace("  practice:\n", "  other:\n"))
        place.run("apply", expect=None)
    _, gone = titles(hook)[:2]
    assert gone == f"[INFO] practice/{empty_database.name}: no longer watched"
    assert "nothing was mended" in hook.messages[1]["message"]


def test_a_loop_tells_a_receiver_what_is_wrong_with_changed_files_and_their_end(told: Workplace):
    file = told.root / "policies" / "practice.yaml"
    with a_webhook() as hook, (told.root / "lines").open("w") as lines:
        place = replace(told, alert_url=f"json://{hook.address}/")
        with place.launch("run", stderr=lines) as process:
            try:
                eventually(place.stored_files)
                file.write_text(EVERYTHING.replace("retention:", "retentoin:"))
                eventually(lambda: len(titles(hook)) == 1)
                assert titles(hook)[0].startswith("[CRITICAL] the policy files: invalid: ")
                assert "policies/practice.yaml:14:5: " in hook.messages[0]["message"]
                assert "retentoin" in hook.messages[0]["message"]
                file.write_text(EVERYTHING)
                eventually(lambda: len(titles(hook)) == 2)
            finally:
                process.terminate()
    assert titles(hook)[1] == "[OK] the policy files: valid again"
