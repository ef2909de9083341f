"""What pg_restore writes, word for word as version 17.10 does, and what we read in it."""

from orchestrator.engines.postgres.restore.schema.pg_restore import Fault, read_faults

UNKNOWN_SETTING = """\
pg_restore: connecting to database for restore
pg_restore: while INITIALIZING:
pg_restore: error: could not execute query: ERROR:  unrecognized configuration parameter "transaction_timeout"
Command was: SET transaction_timeout = 0;
"""
FAILED_ENTRY = """\
pg_restore: creating DOMAIN "public.d1"
pg_restore: while PROCESSING TOC:
pg_restore: from TOC entry 890; 1247 16392 DOMAIN d1 postgres
pg_restore: error: could not execute query: ERROR:  type "d1" already exists
Command was: CREATE DOMAIN public.d1 AS integer
\tCONSTRAINT d1_check CHECK ((VALUE > 0));


"""
LOST_CONNECTION = "pg_restore: error: could not execute query: server closed the connection\n"


def test_nothing_but_progress_is_no_fault():
    assert list(read_faults('pg_restore: creating TABLE "public.error: x"\n')) == []


def test_a_fault_carries_the_number_of_its_entry_and_the_servers_words():
    (fault,) = read_faults(FAILED_ENTRY)
    assert fault.dump_id == 890
    assert fault.words.startswith('type "d1" already exists Command was: CREATE DOMAIN')
    assert not fault.is_unknown_setting


def test_a_setting_that_an_older_server_does_not_know_is_told_from_real_faults():
    faults = list(read_faults(UNKNOWN_SETTING + FAILED_ENTRY + LOST_CONNECTION))
    assert [fault.is_unknown_setting for fault in faults] == [True, False, False]


def test_only_that_very_statement_is_harmless():
    other = UNKNOWN_SETTING.replace("SET transaction_timeout = 0;", "CREATE TABLE t ();")
    assert [fault.is_unknown_setting for fault in read_faults(other)] == [False]


def test_a_broken_connection_is_a_fault_without_an_entry():
    assert list(read_faults(LOST_CONNECTION)) == [
        Fault(dump_id=None, words="server closed the connection")
    ]
