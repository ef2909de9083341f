from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.archive.verification import (
    chunk_rows,
    damage_of_chunk_content,
    damage_of_details,
    damage_of_object,
)
from orchestrator.errors import DamagedBackupError
from orchestrator.model.contents import BlockRange, Details
from orchestrator.model.manifest import Manifest, ObjectRole
from tests.support.archives import (
    SCHEMA_ARCHIVE,
    a_chunk,
    a_manifest,
    a_table_data,
    chunks_of,
    compressed,
    some_details,
    stored,
    with_objects,
)
from tests.support.builders import utc

TEXT = b"1\tone\n2\ttwo\n"


def test_an_object_as_it_was_stored_is_undamaged():
    schema_archive = a_manifest().objects[-3]
    assert schema_archive.role is ObjectRole.SCHEMA
    assert damage_of_object(schema_archive, SCHEMA_ARCHIVE) is None


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"abcd", "has 4 bytes instead of 3"), (b"abd", "SHA-256"), (b"", "0 bytes")],
)
def test_size_and_digest_of_an_object_are_compared(data: bytes, words: str):
    there = stored(a_chunk().key, ObjectRole.CHUNK, b"abc")
    damage = damage_of_object(there, data)
    assert damage is not None
    assert damage.object_key == there.key
    assert words in damage.what


def test_rows_of_a_chunk_come_out_whole():
    assert b"".join(chunk_rows(a_chunk(TEXT), compressed(TEXT).data)) == TEXT
    assert damage_of_chunk_content(a_chunk(TEXT), compressed(TEXT).data) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TEXT + b"3\n", "more text than 12 bytes"),
        (b"1\tone\n", "6 bytes of text, not 12"),
        (b"1\tone\n2\ttwo ", "in the middle of a row"),
        (b"1\tone\n\n2\ttw\n", "3 rows, not 2"),
        (b"1\tone\n2\n\tXoo", "in the middle of a row"),
    ],
)
def test_content_that_contradicts_the_details_is_damage(text: bytes, words: str):
    damage = damage_of_chunk_content(a_chunk(TEXT), compressed(text).data)
    assert damage is not None
    assert damage.object_key == a_chunk(TEXT).key
    assert words in damage.what
    assert damage.object_key not in damage.what


def test_a_bomb_is_stopped_at_the_recorded_size():
    bomb = compressed(bytes(64 << 20)).data
    rows = chunk_rows(a_chunk(TEXT), bomb)
    # Its very first block is refused: not one byte of it comes out.
    with pytest.raises(DamagedBackupError, match="more text than 12 bytes"):
        next(rows)


def test_details_that_fit_their_manifest_are_undamaged():
    assert damage_of_details(a_manifest(), some_details(), SCHEMA_ARCHIVE) == []


def test_equal_rows_of_two_tables_share_one_object():
    details = some_details(a_table_data("a"), a_table_data("b"))
    manifest = a_manifest(details)
    assert len(chunks_of(details)) == 3
    assert len([item for item in manifest.objects if item.role is ObjectRole.CHUNK]) == 2
    assert damage_of_details(manifest, details) == []


def without_role(role: ObjectRole) -> Callable[[Manifest], Manifest]:
    return lambda manifest: with_objects(
        manifest, *(item for item in manifest.objects if item.role is not role)
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_role(ObjectRole.CHUNK), "the details name it, but the manifest does not"),
        (without_role(ObjectRole.SCHEMA), "0 objects of role schema"),
        (without_role(ObjectRole.DETAILS), "0 objects of role details"),
        (lambda it: replace(it, totals={**it.totals, "rows": 1}), "rows is 2, but 1"),
        (lambda it: replace(it, totals={}), "text_bytes is"),
        (lambda it: replace(it, snapshot_at=utc("2026-11-21T02:00")), "snapshot_at is 2026-11-22"),
        (
            lambda it: replace(it, source=replace(it.source, database_oid=1)),
            "database_oid is 16384",
        ),
        (
            lambda it: replace(it, source=replace(it.source, system_identifier="1")),
            "system_identifier is",
        ),
    ],
)
def test_a_manifest_that_the_details_contradict_is_damage(
    change: Callable[[Manifest], Manifest], words: str
):
    found = damage_of_details(change(a_manifest()), some_details())
    assert any(words in damage.what for damage in found)


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (replace(some_details(), tables=()), "the manifest names it, but no table has it"),
        (
            some_details(a_table_data("users", [replace(a_chunk(), stored_bytes=1)])),
            "details and manifest differ on it",
        ),
        (
            some_details(a_table_data("users", [a_chunk(blocks=BlockRange(0, 8))])),
            "blocks of table public.users: nothing covers 8 and above",
        ),
        (
            some_details(a_table_data("users", [a_chunk(blocks=BlockRange(1, None))])),
            "begins at 1 instead of 0",
        ),
        (replace(some_details(), large_object_chunks=()), "large objects: nothing covers 0"),
    ],
)
def test_details_that_contradict_manifest_or_sense_are_damage(details: Details, words: str):
    found = damage_of_details(a_manifest(), details)
    assert any(words in damage.what for damage in found)


def test_a_schema_archive_that_is_none_is_damage():
    found = damage_of_details(a_manifest(), some_details(), b"-- plain SQL")
    assert [damage.what for damage in found] == ["it is not an archive of pg_dump"]
