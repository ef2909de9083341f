from dataclasses import replace

import pytest

from orchestrator.archive.intent import Intent, Purpose, decode_intent, encode_intent
from orchestrator.archive.marker import Marker, decode_marker, encode_marker
from orchestrator.errors import (
    DamagedBackupError,
    ForeignDestinationError,
    UnreadableManifestError,
)
from tests.support.archives import RUN, schema
from tests.support.builders import a_series, utc

MARKER = Marker(uuid="5f0c7a4e-2f3b-4c1d-9a7e-0b8d6c5e4f3a", written_at=utc("2026-11-22T02:00:00"))
INTENT = Intent(
    run=RUN,
    series=a_series(),
    host="backup-1",
    process=4711,
    purpose=Purpose.WRITE,
    until=utc("2026-11-22T08:00:00"),
)


def test_a_marker_comes_back_and_is_as_its_schema_says():
    schema("marker").check(encode_marker(MARKER))
    assert decode_marker(encode_marker(MARKER)) == MARKER


@pytest.mark.parametrize("data", [b"", b"{}", encode_marker(MARKER)[:-1], encode_intent(INTENT)])
def test_what_is_no_marker_is_a_foreign_destination(data: bytes):
    with pytest.raises(ForeignDestinationError, match="marker"):
        decode_marker(data)


@pytest.mark.parametrize("purpose", list(Purpose))
def test_an_intent_comes_back_and_is_as_its_schema_says(purpose: Purpose):
    intent = replace(INTENT, purpose=purpose)
    schema("intent").check(encode_intent(intent))
    assert decode_intent(encode_intent(intent)) == intent


@pytest.mark.parametrize(
    "data", [b"", encode_intent(INTENT) + b"\n", encode_intent(INTENT).replace(b"write", b"erase")]
)
def test_a_damaged_intent_says_so(data: bytes):
    with pytest.raises(DamagedBackupError, match="an intent is damaged"):
        decode_intent(data)


def test_a_newer_intent_asks_for_an_upgrade():
    newer = encode_intent(INTENT).replace(b'"version": 1', b'"version": 2')
    with pytest.raises(UnreadableManifestError, match="version 2"):
        decode_intent(newer)
