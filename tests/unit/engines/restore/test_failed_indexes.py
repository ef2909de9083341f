"""What --skip-failed-indexes takes for a fault of an index, and what it never does."""

import pytest

from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry, Section
from orchestrator.engines.postgres.restore.schema.definitions import fault_of_entry
from orchestrator.errors import RestoreError

INDEX = ArchiveEntry(
    dump_id=7,
    kind="INDEX",
    schema="public",
    name="ix",
    owner="o",
    section=Section.POST_DATA,
    tablespace=None,
    definition=b"CREATE INDEX ix ON public.t USING btree (public.f(x));",
    drop_statement="",
)


def fault(what: str) -> str | None:
    return fault_of_entry(INDEX, RestoreError(what, next_step="x"))


@pytest.mark.parametrize(
    "words",
    [
        "function f(text) does not exist",
        "could not create unique index DETAIL: Key (x)=(No space left on device) is duplicated.",
    ],
)
def test_a_fault_that_names_the_index_is_its_own(words: str) -> None:
    assert fault(f"INDEX public.ix could not be restored: {words}") == words


@pytest.mark.parametrize(
    "words",
    [
        'could not extend file "base/1/2": No space left on device HINT: Check free disk space.',
        'could not write to file "base/pgsql_tmp/pgsql_tmp1.0": No space left on device',
        "out of memory DETAIL: Failed on request of size 8 in memory context",
        "temporary file size exceeds temp_file_limit (1024kB)",
        "FATAL: terminating connection due to administrator command",
        "server closed the connection unexpectedly This probably means the server terminated",
        "canceling statement due to user request",
        "FATAL: the database system is shutting down",
        "SSL connection has been closed unexpectedly",
    ],
)
def test_shortage_shutdown_and_lost_connections_are_no_fault_of_an_index(words: str) -> None:
    assert fault(f"INDEX public.ix could not be restored: {words}") is None


@pytest.mark.parametrize(
    "what",
    [
        "the schema could not be restored: pg_restore ended with status -9: creating INDEX",
        "INDEX public.other could not be restored: function f(text) does not exist",
    ],
)
def test_an_error_that_names_another_entry_or_none_is_no_fault_of_the_index(what: str) -> None:
    assert fault(what) is None
