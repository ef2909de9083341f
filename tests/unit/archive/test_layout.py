import pytest

from orchestrator.archive.layout import (
    chunk_key,
    decode_segment,
    details_key,
    encode_segment,
    globals_key,
    intent_key,
    is_series_path,
    manifest_key,
    parse_manifest_key,
    schema_key,
    series_path,
)
from orchestrator.model.names import ObjectKey
from tests.support.archives import BACKUP, PATH, RUN
from tests.support.builders import a_series

DIGEST = "ab" + "0" * 62


def test_keys_are_built_as_the_design_says():
    assert chunk_key(PATH, DIGEST) == f"practice/app/chunks/ab/{DIGEST}.copy.zst"
    assert manifest_key(PATH, BACKUP) == f"practice/app/backups/{BACKUP}/manifest.json"
    assert details_key(PATH, BACKUP) == f"practice/app/backups/{BACKUP}/details.json"
    assert schema_key(PATH, BACKUP) == f"practice/app/backups/{BACKUP}/schema.dump"
    assert globals_key(PATH, BACKUP) == f"practice/app/backups/{BACKUP}/globals.sql"
    assert intent_key(PATH, RUN) == f"practice/app/intents/{RUN}.json"


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("app_1.b-C", "app_1.b-C"),
        ("..", "%2E%2E"),
        (".hidden.x", "%2Ehidden.x"),
        ("a/b", "a%2Fb"),
        ("a b%", "a%20b%25"),
        ("é", "%C3%A9"),
        ("\udcff", "%FF"),
        ("\0", "%00"),
    ],
)
def test_a_name_becomes_one_segment_and_comes_back(name: str, segment: str):
    assert encode_segment(name) == segment
    assert decode_segment(segment) == name


def test_a_series_path_has_policy_and_database():
    assert series_path(a_series("acme", "../etc")) == "acme/%2E%2E%2Fetc"


@pytest.mark.parametrize("name", ["", "\ud800", "\udcc3\udca9"])
def test_what_no_server_can_have_sent_is_no_name(name: str):
    with pytest.raises(ValueError, match=r"not a name|surrogates"):
        encode_segment(name)


@pytest.mark.parametrize(
    "segment", ["", "..", ".a", "%2e", "%41", "a/b", "a b", "%", "%C3%A9%", "é"]
)
def test_what_encoding_never_returns_is_refused(segment: str):
    with pytest.raises(ValueError, match="not "):
        decode_segment(segment)


@pytest.mark.parametrize("path", ["", "a", "a/b/c", "/a", "a/", "../a", "a/..", "a//b", "a/b c"])
def test_only_two_encoded_names_are_a_series_path(path: str):
    assert not is_series_path(path)


def test_a_chunk_is_named_by_a_digest_only():
    with pytest.raises(ValueError, match="not a SHA-256"):
        chunk_key(PATH, "../../etc/passwd")


def test_a_manifest_key_tells_series_path_and_backup():
    assert parse_manifest_key(manifest_key(PATH, BACKUP)) == (PATH, BACKUP)


@pytest.mark.parametrize(
    "key",
    [
        details_key(PATH, BACKUP),
        f"{manifest_key(PATH, BACKUP)}.wrong-1",
        f"../app/backups/{BACKUP}/manifest.json",
        "practice/app/backups/x/manifest.json",
    ],
)
def test_other_keys_are_no_manifests(key: str):
    assert parse_manifest_key(ObjectKey(key)) is None
