"""A database of very many tables comes back, where the server has room for the locks."""

import os
import time

from tests.faults.places import note
from tests.support.copying import copy_database
from tests.support.postgres import running_server

TABLES = int(os.environ.get("ORCHESTRATOR_MANY_TABLES", "300"))
AT_ONCE = 100


def test_very_many_tables_come_back() -> None:
    with running_server(max_locks_per_transaction="512") as server:
        database = server.create_database()
        for first in range(0, TABLES, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, TABLES))
            database.execute(";".join(f"CREATE TABLE t{n} AS SELECT {n} AS id" for n in numbers))
        began = time.monotonic()
        copied, report = copy_database(database, "copied")
        note(f"{TABLES} tables backed up, restored and proved in {time.monotonic() - began:.0f} s")
        assert (report.tables, report.rows) == (TABLES, TABLES)
        assert copied.execute(f"SELECT id FROM t{TABLES - 1}") == [(TABLES - 1,)]
