"""What pg_restore writes, word for word as version 17.10 does, and what we read in it."""

import pytest

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
        Fault(dump_id=None, words="server closed the connection", is_refusal=True)
    ]


MIXED = """\
pg_restore: creating INDEX "public.ix"
pg_restore: while PROCESSING TOC:
pg_restore: pg_restore:from TOC entry 2413; 1259 16392 INDEX ix postgres
pg_restore: error:  could not execute query: ERROR:  function inner_one(text) does not exist
Command was: CREATE INDEX "ix" ON "public"."t" USING "btree" ("public"."outer_one"("x"));


finished item 2412 INDEX by_id
pg_restore: launching item 2414 INDEX of_p
pg_restore: error: a worker process died unexpectedly
"""


def test_words_of_several_sessions_that_arrive_mixed_name_the_entry_and_the_refusal():
    first, second = read_faults(MIXED)
    assert (first.dump_id, first.is_refusal) == (2413, True)
    assert first.words.startswith("function inner_one(text) does not exist Command was: CREATE")
    assert (second.is_refusal, second.words) == (False, "a worker process died unexpectedly")


@pytest.mark.parametrize("level", ["", " ", "error: ", "pg_restore: pg_restore:", "pg_restore: "])
def test_a_refusal_is_one_whatever_is_left_of_what_stands_before_it(level: str):
    (fault,) = read_faults(
        f"pg_restore: creating TABLE t\n{level}could not execute query: ERROR:  no"
    )
    assert (fault.words, fault.is_refusal) == ("no", True)
