import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from orchestrator.archive.layout import manifest_key
from orchestrator.archive.manifest import decode_manifest, digest_of, encode_manifest
from orchestrator.errors import UnreadableManifestError
from orchestrator.model.manifest import Manifest
from orchestrator.model.names import BackupId, ObjectKey
from tests.support.archives import BACKUP, PATH, a_manifest, schema, with_objects

OTHER_BACKUP = BackupId("20261123T020000Z-000000")


def forged(**changes: object) -> bytes:
    """A manifest with changed fields and a digest that fits."""
    document = json.loads(encode_manifest(a_manifest())) | changes
    del document["digest"]
    body = json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"
    document["digest"] = digest_of(body)
    return json.dumps(document, indent=1, sort_keys=True).encode() + b"\n"


def test_a_manifest_comes_back_as_it_was():
    manifest = a_manifest()
    assert decode_manifest(encode_manifest(manifest), key=manifest_key(PATH, BACKUP)) == manifest


def test_a_manifest_is_as_its_schema_says():
    schema("manifest").check(encode_manifest(a_manifest()))
    schema("manifest").check(
        encode_manifest(replace(a_manifest(), previous_digest=None, git_commit=None))
    )


def test_its_digest_is_that_of_the_file_without_its_line():
    lines = encode_manifest(a_manifest()).splitlines(keepends=True)
    rest = b"".join(line for line in lines if not line.startswith(b' "digest": '))
    assert f' "digest": "{digest_of(rest)}",\n'.encode() in lines


def test_a_forgery_with_nothing_changed_is_the_manifest():
    assert forged() == encode_manifest(a_manifest())


def test_times_are_written_in_utc():
    paris = timezone(timedelta(hours=1))
    manifest = replace(a_manifest(), finished_at=datetime(2026, 11, 22, 3, 0, 7, tzinfo=paris))
    assert encode_manifest(manifest) == encode_manifest(a_manifest())


def test_a_time_without_zone_is_not_written():
    naive = datetime(2026, 11, 22)  # noqa: DTZ001 - what the test is about
    with pytest.raises(ValueError, match="without a time zone"):
        encode_manifest(replace(a_manifest(), finished_at=naive))


def test_every_changed_bit_is_found():
    data = encode_manifest(a_manifest())
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        with pytest.raises(UnreadableManifestError):
            decode_manifest(bytes(changed))


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_truncated_manifest_is_unreadable(cut: int):
    with pytest.raises(UnreadableManifestError):
        decode_manifest(encode_manifest(a_manifest())[:cut])


def test_a_newer_version_asks_for_an_upgrade():
    with pytest.raises(UnreadableManifestError, match="version 2") as caught:
        decode_manifest(forged(version=2, new_field=1))
    assert "upgrade" in caught.value.next_step


@pytest.mark.parametrize("changes", [{"key_ids": ["k1"]}, {"chunk_key_id": "k1"}])
def test_an_encrypted_backup_asks_for_an_upgrade(changes: dict[str, Any]):
    with pytest.raises(UnreadableManifestError, match="encrypted") as caught:
        decode_manifest(forged(**changes))
    assert "upgrade" in caught.value.next_step


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "orchestrator-details"},
        {"version": 0},
        {"version": True},
        {"unknown": 1},
        {"path": "../etc"},
        {"path": "/etc/x"},
        {"run": "20261122T020000Z-7f3a9c\n"},
        {"backup": "\u0662\u0660\u0662\u0666\u0661\u0661\u0662\u0662T020000Z-7f3a9c"},
        {"sequence": -1},
        {"fence": "7"},
        {"totals": {"rows": True}},
        {"objects": None},
        {"objects": [1]},
        {"previous_digest": "xyz"},
        {"snapshot_at": "2026-11-22T02:00:00"},
        {"snapshot_at": "2026-11-22T02:00:00Z"},
        {"reason": {"trigger": "whim", "slots": []}},
        {"key_ids": "k1"},
        {"written_by": 1},
    ],
)
def test_fields_that_are_not_as_the_format_says_make_it_unreadable(changes: dict[str, Any]):
    with pytest.raises(UnreadableManifestError):
        decode_manifest(forged(**changes))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[" * 200_000,
        b'{"format": "orchestrator-manifest", "version": 1e3}',
        b'{"format": "orchestrator-manifest", "version": NaN}',
        b'{"format": "x", "format": "orchestrator-manifest", "version": 1}',
        b"\xff\xfe{}",
        b'{"version": ' + b"9" * 10_000 + b"}",
    ],
    ids=["empty", "null", "deep", "float", "nan", "twice", "utf16", "huge"],
)
def test_what_is_no_document_of_ours_is_unreadable(data: bytes):
    with pytest.raises(UnreadableManifestError):
        decode_manifest(data)


@pytest.mark.parametrize(
    "key",
    [
        "/etc/passwd",
        "../../etc/passwd",
        "practice/app/../../etc/passwd",
        "practice/app/chunks/ab/" + "a" * 64 + ".copy.zst",
        "other/app/backups/20261122T020000Z-7f3a9c/schema.dump",
        "practice/app/backups/20261121T020000Z-7f3a9c/schema.dump",
        "",
    ],
)
@pytest.mark.parametrize("position", [0, -1])
def test_a_key_that_is_not_the_objects_own_is_refused(key: str, position: int):
    document = json.loads(encode_manifest(a_manifest()))
    document["objects"][position]["key"] = key
    with pytest.raises(UnreadableManifestError, match="is not the key of its"):
        decode_manifest(forged(objects=document["objects"]))


def test_an_object_named_twice_is_refused_by_reader_and_writer():
    manifest = a_manifest()
    twice = with_objects(manifest, *manifest.objects, manifest.objects[0])
    with pytest.raises(ValueError, match="named twice"):
        encode_manifest(twice)
    objects = json.loads(encode_manifest(manifest))["objects"]
    with pytest.raises(UnreadableManifestError, match="named twice"):
        decode_manifest(forged(objects=[*objects, objects[0]]))


@pytest.mark.parametrize(
    "key",
    [manifest_key("practice/other", BACKUP), manifest_key(PATH, OTHER_BACKUP), ObjectKey("x")],
)
def test_a_manifest_that_lies_elsewhere_is_refused(key: ObjectKey):
    with pytest.raises(UnreadableManifestError, match="it belongs to"):
        decode_manifest(encode_manifest(a_manifest()), key=key)


def swapped(manifest: Manifest) -> Manifest:
    first, second, *rest = manifest.objects
    return with_objects(
        manifest, replace(first, key=second.key), replace(second, key=first.key), *rest
    )


def test_swapped_chunks_are_refused():
    with pytest.raises(ValueError, match="is not the key of its chunk"):
        encode_manifest(swapped(a_manifest()))
