"""Partitions of partitions by the command: chosen, replaced, guarded and compared as one table."""

from pathlib import Path

import pytest

from tests.support.command_line import POLICY, Result, Workplace
from tests.support.postgres import Database

SCHEMA = """
CREATE TABLE root (id int, region text, y int) PARTITION BY LIST (region);
CREATE TABLE root_a PARTITION OF root FOR VALUES IN ('a');
CREATE TABLE root_b PARTITION OF root FOR VALUES IN ('b') PARTITION BY RANGE (y);
CREATE TABLE root_b1 PARTITION OF root_b FOR VALUES FROM (0) TO (100);
CREATE TABLE root_b2 PARTITION OF root_b FOR VALUES FROM (100) TO (200) PARTITION BY LIST (id);
CREATE TABLE root_b2_rest PARTITION OF root_b2 DEFAULT; CREATE TABLE aside (id int);
INSERT INTO root SELECT n, 'a', n FROM generate_series(1, 10) n;
INSERT INTO root SELECT n, 'b', n FROM generate_series(1, 20) n;
INSERT INTO root SELECT n, 'b', 100 + n FROM generate_series(1, 30) n
"""
BY_TABLE = "SELECT tableoid::regclass::text, count(*) FROM root GROUP BY 1 ORDER BY 1"
WHOLE = [("root_a", 10), ("root_b1", 20), ("root_b2_rest", 30)]


def a_place(root: Path, source: Database, *lines: str) -> Workplace:
    """A policy with further lines, and one backup of its source."""
    more = "".join(f"    {line}\n" for line in lines)
    place = Workplace(
        root, source.url, policy=POLICY.replace("    schedules:", f"{more}    schedules:")
    )
    place.run("backup", "practice")
    return place


@pytest.fixture
def source(empty_database: Database) -> Database:
    empty_database.execute(SCHEMA)
    return empty_database


def into_new(place: Workplace, *tables: str, expect: int = 0) -> Result:
    chosen = [word for table in tables for word in ("--table", f"public.{table}")]
    return place.run("restore", "latest", "--into-new", "chosen", *chosen, "--prove", expect=expect)


def into_existing(
    place: Workplace, database: Database, *tables: str, dry_run: bool = False, expect: int = 0
) -> Result:
    chosen = [word for table in tables for word in ("--table", f"public.{table}")]
    agreed = ["--dry-run"] if dry_run else ["--yes-replace", database.name, "--prove"]
    command = ("restore", "latest", "--into-existing", database.name, *chosen, *agreed)
    return place.run(*command, expect=expect)


def by_table(database: Database) -> list[tuple[object, ...]]:
    return database.execute(BY_TABLE)


# ------------------------------------------------------------------ all levels
def test_a_table_comes_into_a_new_database_with_partitions_of_every_level(
    tmp_path: Path, source: Database
):
    place = a_place(tmp_path, source)
    said = into_new(place, "root")
    restored = source.server.database("chosen")
    assert by_table(restored) == WHOLE
    assert "3 tables, 60 rows" in said.out
    assert restored.execute("SELECT to_regclass('aside')") == [(None,)]


def test_a_partition_that_is_partitioned_means_its_own_partitions(tmp_path: Path, source: Database):
    said = into_new(a_place(tmp_path, source), "root_b", expect=3)
    restored = source.server.database("chosen")
    query = "SELECT count(*), to_regclass('root_a') FROM root_b"
    assert restored.execute(query) == [(50, None)]
    words = "it comes along with the chosen partitions alone, because public.root_b needs it"
    assert f"left out: TABLE DATA public.root: {words}" in said.err


def test_a_table_whose_partitions_are_all_partitioned_is_found(
    tmp_path: Path, empty_database: Database
):
    empty_database.execute(
        "CREATE TABLE top (id int) PARTITION BY LIST (id);"
        "CREATE TABLE mid PARTITION OF top DEFAULT PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF mid DEFAULT; INSERT INTO top VALUES (1), (2)"
    )
    into_new(a_place(tmp_path, empty_database), "top")
    restored = empty_database.server.database("chosen")
    assert restored.execute("SELECT count(*) FROM top") == [(2,)]


def test_a_table_is_replaced_with_partitions_of_every_level(tmp_path: Path, source: Database):
    place = a_place(tmp_path, source)
    source.execute("DELETE FROM root WHERE id > 3; INSERT INTO root_b2 VALUES (99, 'b', 150)")
    said = into_existing(place, source, "root")
    assert by_table(source) == WHOLE
    assert "made since" not in said.err
    assert "restored 3 tables" in said.out


def test_a_partition_made_since_below_another_one_is_emptied_and_named(
    tmp_path: Path, source: Database
):
    place = a_place(tmp_path, source)
    source.execute(
        "CREATE TABLE root_b3 PARTITION OF root_b FOR VALUES FROM (200) TO (300);"
        "INSERT INTO root VALUES (1, 'b', 250)"
    )
    said = into_existing(place, source, "root")
    assert by_table(source) == WHOLE
    assert "public.root_b3 is a partition made since; it is emptied" in said.err


def test_some_partitions_leave_the_others_alone(tmp_path: Path, source: Database):
    place = a_place(tmp_path, source)
    source.execute("DELETE FROM root")
    into_existing(place, source, "root_b2", "root_a")
    assert by_table(source) == [("root_a", 10), ("root_b2_rest", 30)]


def test_a_partition_that_was_named_by_itself_is_not_the_whole_table(
    tmp_path: Path, empty_database: Database
):
    empty_database.execute(
        "CREATE TABLE logs (id int) PARTITION BY LIST (id);"
        "CREATE TABLE logs_1 PARTITION OF logs FOR VALUES IN (1); INSERT INTO logs VALUES (1)"
    )
    place = a_place(tmp_path, empty_database)
    empty_database.execute(
        "CREATE TABLE logs_2 PARTITION OF logs FOR VALUES IN (2); INSERT INTO logs VALUES (1), (2)"
    )
    into_existing(place, empty_database, "logs_1")
    assert empty_database.execute("SELECT id FROM logs ORDER BY 1") == [(1,), (2,)]


# ------------------------------------------------------------------ moved partitions
MOVED = {
    "ALTER TABLE root DETACH PARTITION root_a;"
    "CREATE TABLE root_a2 PARTITION OF root FOR VALUES IN ('a')": (
        "table public.root_a was a partition of public.root, and is no partition now"
    ),
    "ALTER TABLE root DETACH PARTITION root_b": (
        "table public.root_b1 was a partition of public.root_b of public.root, and is a partition of"
        " public.root_b now"
    ),
    "ALTER TABLE aside ADD region text, ADD y int;"
    "ALTER TABLE root ATTACH PARTITION aside FOR VALUES IN ('c')": (
        "table public.aside was no partition, and is a partition of public.root now"
    ),
}


@pytest.mark.parametrize("change", MOVED)
def test_a_partition_that_was_moved_since_is_in_the_way(
    tmp_path: Path, source: Database, change: str
):
    place, words = a_place(tmp_path, source), MOVED[change]
    source.execute(f"{change}; INSERT INTO root VALUES (1000, 'a', 1)")
    before = by_table(source)
    assert words in into_existing(place, source, "root", dry_run=True, expect=4).err
    assert words in into_existing(place, source, "root", expect=4).err
    assert (by_table(source), len(place.listed())) == (before, 1)


# ------------------------------------------------------------------ excluded partitions
EXCLUDED = "tables: {exclude: [public.root_b]}"


def test_excluded_partitions_come_empty_and_are_listed(tmp_path: Path, source: Database):
    place = a_place(tmp_path, source, EXCLUDED)
    said = into_new(place, "root")
    foreseen = place.run(
        *("restore", "latest", "--into-new", "again", "--table", "public.root", "--dry-run")
    )
    restored = source.server.database("chosen")
    assert by_table(restored) == [("root_a", 10)]
    restored.execute("INSERT INTO root VALUES (1, 'b', 1), (1, 'b', 101)")
    for table in ("root_b1", "root_b2_rest"):
        line = f"not in the backup: table data public.{table}: excluded by the policy"
        assert line in said.err
        assert line in foreseen.out


@pytest.mark.parametrize("elsewhere", [False, True])
def test_excluded_partitions_keep_their_rows_and_that_is_said(
    tmp_path: Path, source: Database, *, elsewhere: bool
):
    place = a_place(tmp_path, source, EXCLUDED)
    source.execute(
        "CREATE TABLE root_b3 PARTITION OF root_b FOR VALUES FROM (200) TO (300);"
        "INSERT INTO root VALUES (1, 'b', 250), (11, 'a', 1)"
    )
    target = source.server.create_database(template=source.name) if elsewhere else source
    said = into_existing(place, target, "root")
    assert by_table(target) == [*WHOLE[:2], ("root_b2_rest", 30), ("root_b3", 1)]
    for table in ("root_b1", "root_b2_rest", "root_b3"):
        words = f"public.{table} keeps its rows, which public.root shows, too"
        assert said.err.count(words) == 2, "in the outlook, and in the report"


def test_a_partition_that_no_pattern_would_have_named_keeps_its_rows(
    tmp_path: Path, source: Database
):
    include = "tables: {include: [public.root_a], on_uncovered: alert}"
    place = a_place(tmp_path, source, include)
    source.execute("CREATE TABLE root_c PARTITION OF root FOR VALUES IN ('c')")
    source.execute("INSERT INTO root VALUES (1, 'c', 1), (2, 'a', 1)")
    said = into_existing(place, source, "root")
    assert by_table(source) == [*WHOLE, ("root_c", 1)]
    assert "public.root_c keeps its rows, which public.root shows, too: it was made" in said.err
    assert "public.root_b1 keeps its rows, which public.root shows, too: the backup" in said.err


# ------------------------------------------------------------------ guards, comparing
def test_a_guard_counts_partitions_of_every_level(tmp_path: Path, source: Database):
    guard = "guards: [{table: public.root, min_rows: 15, max_drop: 10%}]"
    place = a_place(tmp_path, source, guard)
    assert not place.listed()[0]["suspicious"]
    source.execute("DELETE FROM root WHERE region = 'b' AND id > 12")
    place.run("backup", "practice", expect=None)
    said = place.run("show", "latest").out
    assert "public.root lost more than 10% of its rows: it has 34 now" in said
    assert "had 60" in said


def test_a_new_partition_of_any_level_is_compared(tmp_path: Path, source: Database):
    place = a_place(tmp_path, source, "tables: {include: [public.root], on_uncovered: ignore}")
    source.execute(
        "CREATE TABLE root_b3 PARTITION OF root_b FOR VALUES FROM (200) TO (300);"
        "INSERT INTO root SELECT n, 'b', 250 FROM generate_series(1, 40) n"
    )
    tables = place.run("diff", "latest", "live", "--json").document["tables"]
    (new,) = [one for one in tables if one["name"] == "root_b3"]
    assert (new["before"], new["after"]) == (None, 40)


# ------------------------------------------------------------------ what else is there
def test_what_a_chosen_table_brings_along_empty_is_listed(tmp_path: Path, empty_database: Database):
    empty_database.execute(
        "CREATE TABLE other (id int); CREATE TABLE parent (id int);"
        "CREATE TABLE uses (pair other) INHERITS (parent);"
        "INSERT INTO other VALUES (1); INSERT INTO parent VALUES (1); INSERT INTO uses VALUES (1)"
    )
    place = a_place(tmp_path, empty_database)
    command = ("restore", "latest", "--into-new", "again", "--table", "public.uses", "--dry-run")
    foreseen, said = place.run(*command), into_new(place, "uses", expect=3)
    for table in ("other", "parent"):
        words = f"TABLE DATA public.{table}: it comes along empty, because public.uses needs it"
        assert f"left out: {words}" in said.err
        assert f"would be left out: {words}" in foreseen.out


def test_tables_that_are_not_in_the_backup_are_named_when_all_are_replaced(
    tmp_path: Path, empty_database: Database
):
    empty_database.execute("CREATE TABLE inh (id int); INSERT INTO inh VALUES (1), (2), (3)")
    place = a_place(tmp_path, empty_database)
    empty_database.execute(
        "CREATE TABLE child () INHERITS (inh); INSERT INTO child VALUES (4), (5);"
        "CREATE TABLE fresh AS SELECT 1 AS id"
    )
    said = into_existing(place, empty_database)
    assert empty_database.execute("SELECT count(*) FROM inh") == [(5,)]
    for words in (
        "public.child keeps its rows, which public.inh shows, too: it was made after the backup",
        "not in the backup, and left as they are: public.fresh",
    ):
        assert said.err.count(words) == 2, "in the outlook, and in the report"
    assert "public.fresh" not in into_existing(place, empty_database, "inh").err
