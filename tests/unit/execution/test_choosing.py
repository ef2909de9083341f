"""Names that a user gives mean tables of the backup, all of them or none."""

from dataclasses import replace

import pytest

from orchestrator.errors import UsageError
from orchestrator.execution.restore.choosing import choose_tables
from orchestrator.model.contents import (
    WITHOUT_ROWS,
    Column,
    LargeObject,
    LeftOut,
    Partition,
    TableData,
    TableName,
)
from tests.support.archives import a_table_data, some_details
from tests.support.marks import a_name


def a_partition(name: str, of: str) -> TableData:
    data = a_table_data(name)
    return replace(data, table=replace(data.table, partition_of=TableName("public", of)))


DETAILS = some_details(
    a_table_data("users"), a_partition("logs_1", "logs"), a_partition("logs_2", "logs")
)
NESTED = replace(
    some_details(
        a_partition("logs_1", "logs"), a_partition("old_1", "old"), a_partition("older_1", "older")
    ),
    partitions=tuple(
        Partition(a_name(name), a_name(above))
        for name, above in (("old", "logs"), ("older", "old"), ("logs_x", "logs"))
    ),
    left_out=(
        LeftOut(kind=WITHOUT_ROWS, name="public.logs_x", reason="excluded by the policy"),
        LeftOut(kind=WITHOUT_ROWS, name="public.users", reason="excluded by the policy"),
    ),
)


def chosen(*names: str) -> list[str]:
    return [data.table.name.name for data in choose_tables(DETAILS, names).tables]


def test_no_name_means_everything():
    everything = choose_tables(DETAILS, ())
    assert everything.tables == DETAILS.tables
    assert everything.wanted.every_sequence


def test_a_partitioned_table_means_its_partitions_in_whole():
    assert chosen("public.logs") == ["logs_1", "logs_2"]
    assert choose_tables(DETAILS, ("public.logs",)).wanted.whole == {TableName("public", "logs")}


def test_one_partition_is_not_the_whole():
    assert chosen("public.logs_1") == ["logs_1"]
    assert choose_tables(DETAILS, ("public.logs_1",)).wanted.whole == frozenset()


@pytest.mark.parametrize(
    ("name", "tables", "whole"),
    [
        ("public.old", {"old_1", "older_1"}, {"old", "older"}),
        ("public.older", {"older_1"}, {"older"}),
        ("public.logs_1", {"logs_1"}, set()),
        ("public.older_1", {"older_1"}, set()),
    ],
)
def test_a_partition_that_is_partitioned_means_all_below_it(
    name: str, tables: set[str], whole: set[str]
):
    found = choose_tables(NESTED, (name,))
    assert {data.table.name.name for data in found.tables} == tables
    assert found.wanted.whole == {a_name(one) for one in whole}


def test_a_table_means_partitions_of_every_level_and_names_those_without_rows():
    found = choose_tables(NESTED, ("public.logs",))
    assert found.tables == NESTED.tables
    assert {a_name("logs"), a_name("old"), a_name("older")} <= found.wanted.whole
    assert [item.name for item in found.left_out] == ["public.logs_x"]


def test_one_unknown_name_refuses_all_and_similar_ones_are_shown():
    with pytest.raises(UsageError) as caught:
        chosen("public.users", "public.user")
    assert caught.value.next_step.endswith("it has public.users")


def test_a_column_that_may_refer_to_large_objects_is_said():
    data = a_table_data("files")
    data = replace(data, table=replace(data.table, columns=(Column(name="body", type="oid"),)))
    item = LargeObject(oid=7, owner="o", acl=None, comment=None)
    details = replace(some_details(data), large_objects=(item,))
    (left_out,) = choose_tables(details, ("public.files",)).large_objects_left_out
    assert "public.files.body" in left_out.reason
