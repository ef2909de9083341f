"""A process that writes to a catalog, for tests that run several at once or kill one.

``python -m tests.integration.catalog.writer_process URL NAME MODE``; it says ``ready`` first.
Modes: ``entries`` appends 50 log entries; ``backups`` records backups until it is killed;
``stuck`` stops in the middle of a transaction until it is killed.
"""

import sys
import time
from datetime import timedelta
from itertools import count

from sqlalchemy import insert

from orchestrator.catalog.open import SqlCatalog, open_catalog
from orchestrator.catalog.sql import tables
from orchestrator.catalog.sql.rows import row_of_backup
from tests.contracts.catalog_values import NOON, UNPROVED, an_entry
from tests.support.builders import a_backup, a_series

ENTRIES = 50


def write_entries(catalog: SqlCatalog, name: str) -> None:
    for number in range(ENTRIES):
        catalog.append_log(an_entry(f"{name} {number}"))


def write_backups(catalog: SqlCatalog, name: str) -> None:
    for number in count():
        at = NOON + timedelta(microseconds=number)
        backup = a_backup(at, series=a_series(database=name), copies=UNPROVED)
        catalog.record_backup(backup, an_entry(backup.id, at=at))


def get_stuck(catalog: SqlCatalog, name: str) -> None:
    backup = a_backup(NOON, series=a_series(database=name))
    with catalog._transactions.writing() as connection:
        connection.execute(insert(tables.BACKUPS).values(**row_of_backup(backup)))
        sys.stdout.write("stuck\n")
        sys.stdout.flush()
        time.sleep(300)


MODES = {"entries": write_entries, "backups": write_backups, "stuck": get_stuck}

if __name__ == "__main__":
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    MODES[sys.argv[3]](open_catalog(sys.argv[1]), sys.argv[2])
