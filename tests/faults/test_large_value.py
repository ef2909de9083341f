"""A single value of hundreds of megabytes passes, and this program stays small."""

import os
import resource
from datetime import timedelta

from tests.faults.places import note
from tests.support.copying import copy_database
from tests.support.postgres import Database
from tests.support.source_engine import a_source

MEBIBYTES = int(os.environ.get("ORCHESTRATOR_LARGE_VALUE_MEBIBYTES", "48"))
LARGEST_GROWTH = 150


def highest_mebibytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def test_a_value_larger_than_many_chunks_passes_in_little_memory(
    empty_database: Database,
) -> None:
    empty_database.execute(
        f"CREATE TABLE t (v text); INSERT INTO t SELECT repeat('x', {MEBIBYTES} << 20)"
    )
    source = a_source(empty_database.url, empty_database.name, stall_timeout=timedelta(minutes=2))
    before = highest_mebibytes()
    copied, _ = copy_database(empty_database, "copied", source=source)
    grown = highest_mebibytes() - before
    note(f"a value of {MEBIBYTES} MiB, this process grew by {grown} MiB")
    assert copied.execute(f"SELECT v = repeat('x', {MEBIBYTES} << 20) FROM t") == [(True,)]
    assert grown < min(LARGEST_GROWTH, MEBIBYTES)
