import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.archive.details import decode_details, encode_details
from orchestrator.archive.documents import encode_document
from orchestrator.errors import DamagedBackupError, UnreadableManifestError
from orchestrator.model.contents import BlockRange, Table, TableData, TableName, TypeDefinition
from tests.support.archives import a_chunk, a_table_data, schema, some_details


def test_details_come_back_as_they_were():
    details = some_details()
    assert decode_details(encode_details(details)) == details


def test_a_partition_and_a_table_without_columns_come_back():
    table = Table(
        name=TableName("public", "log_2026"),
        columns=(),
        blocks_per_chunk=16,
        partition_of=TableName("public", "log"),
        unlogged=True,
        generated=("size", "sum"),
    )
    chunks = (a_chunk(b"\n", BlockRange(0, 16)), a_chunk(b"\n\n", BlockRange(16, None)))
    details = some_details(a_table_data(), TableData(table=table, chunks=chunks))
    data = encode_details(details)
    schema("details").check(data)
    assert decode_details(data) == details


def test_views_that_nobody_filled_are_named_and_details_without_any_are_as_ever():
    name = TableName("public", "not. yet")
    details = replace(some_details(), unpopulated=(name,))
    data = encode_details(details)
    schema("details").check(data)
    assert decode_details(data) == details
    assert b"unpopulated" not in encode_details(some_details())


def test_how_types_are_defined_comes_back_and_details_without_any_are_as_ever():
    types = (
        TypeDefinition(name='public."Mood"', kind="enum", parts=("sad", "glad")),
        TypeDefinition(name="public.empty", kind="composite", parts=()),
    )
    details = replace(some_details(), types=types)
    data = encode_details(details)
    schema("details").check(data)
    assert decode_details(data) == details
    assert b"types" not in encode_details(some_details())


def test_details_are_as_their_schema_says():
    schema("details").check(encode_details(some_details()))
    empty = replace(some_details(), large_objects=(), large_object_chunks=(), roles=())
    schema("details").check(encode_details(empty))


def test_a_sequence_at_its_end_is_a_text_because_json_readers_round():
    document = json.loads(encode_details(some_details()))
    assert document["sequences"][0]["last_value"] == "9223372036854775807"


@pytest.mark.parametrize("name", ["\udcff\udc80", 'quo"te', "new\nline", "\x00", "\U0001f512", "é"])
def test_any_name_that_a_server_can_send_comes_back(name: str):
    details = some_details(a_table_data(name))
    data = encode_details(details)
    assert data.isascii()
    assert decode_details(data) == details


def test_every_changed_bit_that_changes_the_form_is_found():
    data = encode_details(some_details())
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 0x80
        with pytest.raises(DamagedBackupError):
            decode_details(bytes(changed))


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "orchestrator-manifest"},
        {"unknown": 1},
        {"tables": [{}]},
        {"identity": {}},
        {"roles": [{"name": 1}]},
        {"sequences": [{"schema": "a", "name": "b", "last_value": "x", "is_called": True}]},
        {"sequences": [{"schema": "a", "name": "b", "last_value": "07", "is_called": True}]},
        {"uncovered": [{"schema": "a"}]},
        {"selection": {"include": "x", "exclude": []}},
    ],
)
def test_fields_that_are_not_as_the_format_says_are_damage(changes: dict[str, Any]):
    document = json.loads(encode_details(some_details())) | changes
    with pytest.raises(DamagedBackupError, match="the details of a backup are damaged"):
        decode_details(encode_document(document))


def test_a_wrong_sum_of_rows_is_damage():
    document = json.loads(encode_details(some_details()))
    document["tables"][0]["rows"] += 1
    with pytest.raises(DamagedBackupError, match="canonical"):
        decode_details(encode_document(document))


def test_a_newer_version_asks_for_an_upgrade():
    document = json.loads(encode_details(some_details())) | {"version": 2}
    with pytest.raises(UnreadableManifestError, match="version 2") as caught:
        decode_details(encode_document(document))
    assert "upgrade" in caught.value.next_step
