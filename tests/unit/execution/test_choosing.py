"""Names that a user gives mean tables of the backup, all of them or none."""

from dataclasses import replace

import pytest

from orchestrator.errors import UsageError
from orchestrator.execution.restore.choosing import choose_tables
from orchestrator.model.contents import Column, LargeObject, TableData, TableName
from tests.support.archives import a_table_data, some_details


def a_partition(name: str, of: str) -> TableData:
    data = a_table_data(name)
    return replace(data, table=replace(data.table, partition_of=TableName("public", of)))


DETAILS = some_details(
    a_table_data("users"), a_partition("logs_1", "logs"), a_partition("logs_2", "logs")
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
