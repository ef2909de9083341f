"""Alerts as a user meets them: the outbox, a test message, policy files that cannot be used."""

import json
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from tests.integration.alerts.receivers import a_webhook
from tests.support.command_line import POLICY, Workplace
from tests.support.freezing_proxy import freezing_proxy
from tests.support.postgres import Database

INVALID = POLICY.replace("retention:", "retentoin:")


@pytest.fixture
def workplace(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute("CREATE TABLE users AS SELECT generate_series(1, 100) AS id")
    return Workplace(tmp_path, empty_database.url)


def test_a_test_message_is_sent_and_its_answer_reported(workplace: Workplace):
    with a_webhook() as hook, a_webhook(503) as down:
        works = replace(workplace, alert_url=f"json://{hook.address}/")
        assert works.run("alerts", "test", "ops").out.startswith("sent    ops")
        assert len(hook.messages) == 1
        broken = replace(workplace, alert_url=f"json://{down.address}/")
        document = broken.run("alerts", "test", "--json", expect=1).document
    assert [one["state"] for one in document["alerts"]] == ["failed"]
    assert (
        "there is no channel 'nobody'" in workplace.run("alerts", "test", "nobody", expect=64).err
    )


def test_the_outbox_shows_what_fails_and_then_what_was_sent(workplace: Workplace):
    dead = psycopg.conninfo.make_conninfo(workplace.database_url, port="1")
    with a_webhook(500) as hook:
        place = replace(workplace, database_url=dead, alert_url=f"json://{hook.address}/")
        place.run("apply", expect=69)
        assert "failing" in place.run("alerts", "list").out
        hook.status = 200
        assert "alert sent to ops" in place.run("apply", expect=69).err
    document = place.run("alerts", "list", "--json").document
    assert [(one["state"], one["kind"]) for one in document["messages"]] == [("sent", "opened")]
    (incident,) = document["incidents"]
    assert (incident["event"], incident["code"]) == ("failed", "ORC-201")
    assert "open at ops since" in place.run("alerts", "list").out


def test_files_that_cannot_be_used_are_told_once_and_so_is_their_end(workplace: Workplace):
    file = workplace.root / "policies" / "practice.yaml"
    with a_webhook() as hook:
        place = replace(workplace, extra={"ORCHESTRATOR_ALERT_URL": f"json://{hook.address}/"})
        file.write_text(INVALID)
        for _ in range(3):
            assert "policies/practice.yaml:14:5: " in place.run("apply", expect=65).err
        (message,) = hook.messages
        assert "policies/practice.yaml:14:5" in json.dumps(message)
        assert "retentoin" in json.dumps(message)
        file.write_text(POLICY)
        place.run("apply")
        place.run("apply")
    kinds = [one["kind"] for one in place.run("alerts", "list", "--json").document["messages"]]
    assert kinds == ["opened", "recovered"]
    assert len(hook.messages) == 2


UNCOVERED = POLICY.replace("on: [failed]", "on: [all]").replace(
    "    schedules:", '    tables: {include: ["public.users"]}\n    schedules:'
)


def test_a_table_that_no_pattern_names_is_told_until_the_policy_names_it(
    workplace: Workplace, empty_database: Database
):
    empty_database.execute("CREATE TABLE forgotten AS SELECT 1 AS id")
    file = workplace.root / "policies" / "practice.yaml"
    with a_webhook() as hook:
        place = replace(workplace, alert_url=f"json://{hook.address}/")
        file.write_text(UNCOVERED)
        place.run("apply")
        (message,) = hook.messages
        assert "public.forgotten" in json.dumps(message)
        file.write_text(UNCOVERED.replace('["public.users"]', '["public.*"]'))
        place.run("backup", "practice")
        assert len(hook.messages) == 2
    kinds = [one["kind"] for one in place.run("alerts", "list", "--json").document["messages"]]
    assert kinds == ["opened", "recovered"]


def test_a_backup_that_reads_for_long_is_told_while_it_reads_and_not_called_well_when_it_is_stopped(
    workplace: Workplace, empty_database: Database
):
    empty_database.execute(
        "CREATE TABLE big AS SELECT md5(n::text) AS text FROM generate_series(1, 300000) n"
    )
    slow = POLICY.replace("lock_timeout: 3s", "lock_timeout: 3s\n      max_duration: 6s")
    slow = slow.replace("on: [failed]", "on: [degraded, failed]")
    with (
        a_webhook() as hook,
        freezing_proxy(empty_database.server.cluster.port) as proxy,
    ):
        url = psycopg.conninfo.make_conninfo(workplace.database_url, port=proxy.port)
        place = replace(
            workplace, database_url=url, alert_url=f"json://{hook.address}/", policy=slow
        )
        proxy.pace = 0.15
        place.run("backup", "practice", expect=1)
        proxy.pace = 0
        first, second = [json.dumps(message) for message in hook.messages]
        assert "[WARNING] the snapshot of practice/" in first
        assert "more than 50% of its max_duration of 6s" in first
        assert "ORC-212" in second
        place.run("backup", "practice")
        assert sum("[OK]" in json.dumps(message) for message in hook.messages) == 2
