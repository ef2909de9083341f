"""The data-loss guards as a decision table (design §7; faults F41, F42)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.model.contents import Details, Partition, TableData
from orchestrator.model.policy import Guard
from orchestrator.planning.guards import Judgement, Reference, judge
from tests.support.archives import some_details
from tests.support.builders import a_backup
from tests.support.marks import a_name, a_table, details_of

MIB = 1024 * 1024


def judged(was: Details | None, now: Details, guards: Sequence[Guard] = ()) -> Judgement:
    reference = None if was is None else Reference(backup=a_backup(), details=was)
    return judge(now, reference, guards)


def reasons(was: Details | None, now: Details, *guards: Guard) -> str:
    return "\n".join(judged(was, now, guards).reasons)


def a_guard(table: str, *, min_rows: int | None = None, max_drop: int | None = None) -> Guard:
    return Guard(table=a_name(table), min_rows=min_rows, max_drop=max_drop)


QUIET = {
    "nothing changed": (details_of(users=10, notes=5), details_of(users=10, notes=5)),
    "rows came": (details_of(users=10), details_of(users=1000)),
    "a table came": (details_of(users=10), details_of(users=10, notes=0)),
    "less than half of the rows went": (details_of(users=10, notes=10), details_of(users=1, notes=10)),
    "a table was empty before": (details_of(users=10, notes=0), details_of(users=10, notes=0)),
    "there was nothing before": (details_of(), details_of(users=10)),
}  # fmt: skip


@pytest.mark.parametrize("case", QUIET)
def test_the_guards_are_quiet_when(case: str):
    assert judged(*QUIET[case]) == Judgement(reasons=(), notes=())


LOUD = {
    "a table is emptied": (
        details_of(users=3, notes=1000),
        details_of(users=0, notes=1000),
        "emptied since 20261122T020000Z-",
        "table public.users",
    ),
    "a table is gone": (
        details_of(users=3, notes=1000),
        details_of(notes=1000),
        "gone since 20261122T020000Z-",
        "table public.users",
    ),
    "several are gone": (
        details_of(a=1, b=1, notes=1000, c=1, d=1, e=1),
        details_of(notes=1000, c=1, d=1, e=1),
        "2 tables: public.a, public.b",
    ),
    "exactly half of the rows are gone": (
        details_of(users=10, notes=10),
        details_of(users=1, notes=9),
        "table public.users has 1 row; the last good backup before (20261122T020000Z-",
        ") had 10; all 2 tables together 10 of 20",
    ),
    "half of the tables are gone": (
        details_of(a=1, b=1, c=1, notes=1000),
        details_of(c=1, notes=1000),
        "2 of 4 tables are gone",
    ),
    "half of the size is gone": (
        some_details(a_table("users", 10, bytes_per_row=10_000)),
        some_details(a_table("users", 10, bytes_per_row=4_900)),
        "half of the bytes of text or more are gone",
    ),
    "all large objects are gone": (
        details_of(users=10),
        replace(details_of(users=10), large_object_chunks=()),
        "all large objects are gone",
    ),
    "rows hardly compress any more": (
        some_details(a_table("users", 10, bytes_per_row=MIB, stored_share=20)),
        some_details(a_table("users", 10, bytes_per_row=MIB, stored_share=51)),
        "as encrypted rows do: table public.users",
    ),
}


@pytest.mark.parametrize("case", LOUD)
def test_a_backup_is_suspicious_when(case: str):
    was, now, *expected = LOUD[case]
    for words in expected:
        assert words in reasons(was, now)


def test_one_row_more_than_half_is_not_half_gone():
    assert not reasons(details_of(users=10, notes=10), details_of(users=1, notes=10))
    assert reasons(details_of(users=10, notes=10), details_of(users=1, notes=9))


def test_a_jump_of_compressibility_of_thirty_points_is_not_more_than_thirty():
    was = some_details(a_table("users", 10, bytes_per_row=MIB, stored_share=20))
    assert not reasons(was, some_details(a_table("users", 10, bytes_per_row=MIB, stored_share=50)))


def test_new_rows_of_another_kind_are_no_jump_of_compressibility():
    was = some_details(a_table("files", 10, bytes_per_row=MIB, stored_share=20))
    assert not reasons(was, some_details(a_table("files", 20, bytes_per_row=MIB, stored_share=60)))


def test_a_dropped_partition_is_no_lost_table_but_counts_in_its_rows():
    months = [a_table(f"log_{month}", 10, partition_of="log") for month in range(6)]
    assert not reasons(some_details(*months), some_details(*months[1:]))
    emptied = [a_table("log_0", 0, partition_of="log")]
    assert "emptied since" in reasons(some_details(*months), some_details(*emptied))


def nested(**rows: int) -> Details:
    """``log`` with the partition ``log_new``, and ``log_old``, which has partitions of its own."""
    above = {"log_new": "log"}
    tables = (a_table(n, rows[n], partition_of=above.get(n, "log_old")) for n in rows)
    partitions = (Partition(a_name("log_old"), a_name("log")),)
    return replace(some_details(*tables), partitions=partitions)


def test_partitions_of_every_level_count_for_the_table_and_for_each_above_them():
    details = nested(log_new=10, log_1=20, log_2=30)
    guards = [a_guard("public.log", min_rows=60), a_guard("public.log_old", min_rows=50)]
    assert judged(details, details, guards).reasons == ()
    assert "has 60 rows; its guard asks for 61" in reasons(
        details, details, a_guard("public.log", min_rows=61)
    )


def test_a_drop_in_partitions_of_partitions_is_a_drop_of_the_table():
    was, now = nested(log_new=10, log_1=20, log_2=30), nested(log_new=10, log_1=20, log_2=23)
    said = reasons(was, now, a_guard("public.log", max_drop=10))
    assert "public.log lost more than 10% of its rows: it has 53 now" in said
    assert "public.log_old lost" in reasons(was, now, a_guard("public.log_old", max_drop=10))


def test_details_that_say_one_level_alone_are_compared_with_all_levels():
    was = replace(nested(log_new=10, log_1=20, log_2=30), partitions=())
    assert not reasons(was, nested(log_new=10, log_1=20, log_2=30))
    guard = a_guard("public.log", max_drop=10)
    assert "it has 35 now" in reasons(was, nested(log_new=10, log_1=20, log_2=5), guard)


def test_partitions_that_the_policy_no_longer_selects_are_not_lost_but_said():
    was = nested(log_new=10, log_1=20, log_2=30)
    now = replace(some_details(a_table("log_new", 10, partition_of="log")))
    judgement = judged(was, replace(now, selection_exclude=("public.log_old",)))
    assert judgement.reasons == ()
    assert judgement.notes == ("no longer backed up, as the policy says: public.log_old",)


def test_a_table_that_became_a_partition_is_not_gone():
    was = details_of(log_2025=10, notes=10)
    now = some_details(a_table("log_2025", 10, partition_of="log"), a_table("notes", 10))
    assert not reasons(was, now)


def with_identity(details: Details, system: str, oid: int) -> Details:
    identity = replace(details.identity, system_identifier=system, database_oid=oid)
    return replace(details, identity=identity)


@pytest.mark.parametrize(
    ("system", "oid", "expected"),
    [
        ("7573926384711027412", 16384, ""),
        ("7573926384711027413", 16384, "another server: system identifier 7573926384711027413"),
        ("7573926384711027412", 16385, "another one of the same name: oid 16385"),
    ],
)
def test_rows_from_another_server_or_database_are_suspicious(system: str, oid: int, expected: str):
    now = with_identity(details_of(users=10), system, oid)
    found = reasons(details_of(users=10), now)
    assert expected in found
    assert bool(found) == bool(expected)


def test_a_database_that_a_swap_put_there_is_told_and_not_suspicious():
    now = with_identity(details_of(users=10), "7573926384711027412", 16385)
    swapped = frozenset({("7573926384711027412", 16385)})
    reference = Reference(backup=a_backup(), details=details_of(users=10), swapped_in=swapped)
    judgement = judge(now, reference, [])
    assert judgement.reasons == ()
    assert "`restore --swap` put it there (oid 16385)" in judgement.notes[0]
    third = with_identity(now, "7573926384711027412", 16386)
    assert "another one of the same name" in judge(third, reference, []).reasons[0]


# ------------------------------------------------------------------ guards of the policy
@pytest.mark.parametrize(
    ("rows", "expected"), [(5, ""), (4, "has 4 rows; its guard asks for 5 at least")]
)
def test_fewer_rows_than_min_rows_are_suspicious_even_in_a_first_backup(rows: int, expected: str):
    guard = a_guard("public.users", min_rows=5)
    found = judge(details_of(users=rows), None, [guard]).reasons
    assert bool(found) == bool(expected)
    assert expected in "".join(found)


def test_a_guarded_table_that_was_never_there_is_suspicious():
    guard = a_guard("public.userz", min_rows=1)
    assert "public.userz is not there" in reasons(None, details_of(users=1), guard)


@pytest.mark.parametrize(("rows", "fires"), [(80, False), (79, True), (200, False), (0, True)])
def test_a_drop_by_more_than_max_drop_is_suspicious(rows: int, fires: bool):  # noqa: FBT001 - of the table
    guard = a_guard("public.users", max_drop=20)
    was, now = details_of(users=100, notes=1000), details_of(users=rows, notes=1000)
    assert bool(reasons(was, now, guard)) == fires


def test_a_table_that_may_lose_all_of_its_rows_is_left_alone_but_must_not_vanish():
    guard = a_guard("public.jobs", max_drop=100)
    was = details_of(jobs=1000, users=10)
    assert not reasons(was, details_of(jobs=0, users=10), guard)
    assert "gone since" in reasons(was, details_of(users=10), guard)


def test_a_guard_of_a_single_partition_works():
    guard = a_guard("public.log_1", max_drop=10)
    was = some_details(a_table("log_1", 10, partition_of="log"), a_table("notes", 100))
    now = some_details(a_table("log_1", 8, partition_of="log"), a_table("notes", 100))
    assert "public.log_1 lost more than 10%" in reasons(was, now, guard)


def test_a_guard_that_watches_nothing_is_said():
    guard = a_guard("public.userz", max_drop=10)
    (note,) = judged(details_of(users=1), details_of(users=1), [guard]).notes
    assert "public.userz watches nothing" in note


# ------------------------------------------------------------------ what cannot be compared
def selecting(details: Details, include: str, exclude: str) -> Details:
    return replace(details, selection_include=(include,), selection_exclude=(exclude,))


@pytest.mark.parametrize(
    ("include", "exclude"), [("public.n*", "public.x"), ("public.*", "public.user?")]
)
def test_a_table_that_the_policy_no_longer_selects_is_not_lost_but_said(include: str, exclude: str):
    was = details_of(users=1000, notes=10)
    judgement = judged(was, selecting(details_of(notes=10), include, exclude))
    assert judgement.reasons == ()
    assert judgement.notes == ("no longer backed up, as the policy says: public.users",)


def test_a_table_that_the_policy_still_selects_is_lost_whatever_else_changed_in_it():
    was = details_of(users=1000, notes=10)
    assert "gone since" in reasons(was, selecting(details_of(notes=10), "public.*", "public.x"))


def blind(backup_rows: int, now: TableData) -> Judgement:
    backup = replace(a_backup(), tables=1, rows=backup_rows, text_bytes=100 * backup_rows)
    details = replace(some_details(now), large_object_chunks=())
    return judge(details, Reference(backup=backup, details=None), ())


def test_without_details_the_totals_of_the_catalog_are_compared_and_that_is_said():
    quiet, loud = blind(10, a_table("users", 6)), blind(10, a_table("users", 5))
    assert quiet.reasons == ()
    assert len(loud.reasons) == 2
    for judgement in (quiet, loud):
        (note,) = judgement.notes
        assert "cannot be read" in note


def test_of_many_tables_only_some_are_named():
    was = details_of(**{f"t{number:02}": 1 for number in range(30)}, notes=1000)
    (first, *_) = judged(was, details_of(notes=1000)).reasons
    assert first.endswith("public.t09 and 20 more")
