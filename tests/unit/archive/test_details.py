import json
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.archive.details import decode_details, encode_details
from orchestrator.archive.documents import encode_document
from orchestrator.errors import DamagedBackupError, UnreadableManifestError
from orchestrator.model.contents import (
    BlockRange,
    Extension,
    Partition,
    Table,
    TableData,
    TableName,
    TimelineEnd,
    TypeDefinition,
    WalPosition,
)
from tests.support.archives import a_chunk, a_table_data, schema, some_details
from tests.support.builders import utc


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


def test_extensions_and_a_template_come_back_and_details_without_any_are_as_ever():
    details = replace(some_details(), extensions=(Extension(name="hstore", version="1.8"),))
    details = replace(details, properties=replace(details.properties, is_template=True))
    data = encode_details(details)
    schema("details").check(data)
    assert decode_details(data) == details
    assert b"extensions" not in encode_details(some_details())
    assert b"is_template" not in encode_details(some_details())


def test_partitions_without_rows_come_back_and_details_without_any_are_as_ever():
    partition = Partition(TableName("s", "log_2026"), TableName("public", "log"))
    details = replace(some_details(), partitions=(partition,))
    data = encode_details(details)
    schema("details").check(data)
    assert decode_details(data) == details
    assert b"partitions" not in encode_details(some_details())


WALS = {
    "a primary": (
        WalPosition(position=0x16B374D848, timeline=1, history=()),
        '{"history":[],"position":"16/B374D848","recovered_to":null,"replayed_until":null,"timeline":1}',
    ),
    "a promoted node": (
        WalPosition(
            position=255,
            timeline=3,
            recovered_to=16,
            history=(TimelineEnd(timeline=1, position=8), TimelineEnd(timeline=2, position=16)),
        ),
        (
            '{"history":[{"position":"0/8","timeline":1},{"position":"0/10","timeline":2}],'
            '"position":"0/FF","recovered_to":"0/10","replayed_until":null,"timeline":3}'
        ),
    ),
    "a standby": (
        WalPosition(position=2**64 - 1, replayed_until=utc("2026-11-22T01:59:58")),
        (
            '{"history":null,"position":"FFFFFFFF/FFFFFFFF","recovered_to":null,'
            '"replayed_until":"2026-11-22T01:59:58.000000Z","timeline":null}'
        ),
    ),
}


@pytest.mark.parametrize("case", WALS)
def test_where_the_log_stood_comes_back_in_the_form_that_is_stored_for_ever(case: str):
    wal, text = WALS[case]
    details = replace(some_details(), identity=replace(some_details().identity, wal=wal))
    data = encode_details(details)
    schema("details").check(data)
    assert json.loads(data)["identity"]["wal"] == json.loads(text)
    assert decode_details(data) == details


def test_details_from_before_the_log_was_recorded_are_read_and_are_as_ever():
    data = encode_details(some_details())
    assert b"wal" not in data
    assert decode_details(data).identity.wal is None


@pytest.mark.parametrize("position", ["", "0", "0/", "/0", "0/0g", "0/ff", "00/1", "-1/0", "0/1_0"])
def test_a_position_that_no_server_writes_is_damage(position: str):
    wal = WalPosition(position=1)
    details = replace(some_details(), identity=replace(some_details().identity, wal=wal))
    document = json.loads(encode_details(details))
    document["identity"]["wal"]["position"] = position
    with pytest.raises(DamagedBackupError):
        decode_details(encode_document(document))


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
