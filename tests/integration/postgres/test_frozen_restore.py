"""A restore into a new database ends in time when its server freezes, whoever waits for it."""

import time
from dataclasses import replace
from datetime import timedelta
from threading import Thread

import psycopg
import pytest

from orchestrator.engines.postgres.restore.target import PostgresTarget
from orchestrator.errors import StalledError
from orchestrator.model.secret import Secret
from tests.integration.postgres.test_restore_killed import SLOW_INDEX
from tests.support.freezing_proxy import FreezingProxy, freezing_proxy
from tests.support.postgres import Database, eventually
from tests.support.restoring import a_request, load, take_plain_backup

STALL = timedelta(seconds=2)
INDEXING = """
FROM pg_stat_activity
WHERE state = 'active' AND query LIKE 'CREATE INDEX%slow%' AND pid <> pg_backend_pid()
"""


def restore(database: Database, proxy: FreezingProxy) -> None:
    backup = take_plain_backup(database)
    url = psycopg.conninfo.make_conninfo(database.server.url(), port=str(proxy.port))
    request = replace(a_request(database), url=Secret(url, "the test"), stall_timeout=STALL)
    with PostgresTarget(environment={}).create_database(
        request, backup.details.properties
    ) as restored:
        load(restored, backup)


def test_a_network_that_freezes_while_pg_restore_works_ends_the_restore_in_time(
    empty_database: Database,
):
    empty_database.execute(SLOW_INDEX)
    frozen: list[float] = []

    def freeze_it() -> None:
        eventually(lambda: empty_database.execute(f"SELECT pid {INDEXING}"))
        proxy.freeze()
        frozen.append(time.monotonic())

    with freezing_proxy(empty_database.server.cluster.port) as proxy:
        thread = Thread(target=freeze_it)
        thread.start()
        with pytest.raises(StalledError) as caught:
            restore(empty_database, proxy)
        thread.join()
        assert time.monotonic() - frozen[0] < 20
    assert "drop it with" in caught.value.next_step
    eventually(lambda: not empty_database.execute(f"SELECT pg_terminate_backend(pid) {INDEXING}"))
