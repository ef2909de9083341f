import json
from dataclasses import replace

import pytest

from orchestrator.archive.layout import mark_key
from orchestrator.archive.marks import decode_mark, encode_mark
from orchestrator.errors import DamagedBackupError, UnreadableManifestError
from orchestrator.model.marks import Mark
from orchestrator.model.names import BackupId, ObjectKey
from tests.support.archives import BACKUP, PATH, schema
from tests.support.marks import NOON, a_hold, a_release, a_suspicion, an_acknowledgement

MARKS: list[Mark] = [
    a_suspicion("emptied: table public.users", "it's \0 \udc80 \N{SNOWMAN}"),
    an_acknowledgement(),
    a_hold(),
    a_hold("until the audit is over", until=NOON),
    a_release(a_hold()),
]


def decoded(mark: Mark, data: bytes, *, backup: BackupId = BACKUP) -> Mark:
    return decode_mark(data, key=mark_key(PATH, backup, mark), path=PATH, backup=backup)


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.name)
def test_a_mark_comes_back_and_is_as_its_schema_says(mark: Mark):
    data = encode_mark(mark, BACKUP)
    schema("mark").check(data)
    assert decoded(mark, data) == mark


def test_every_mark_has_a_key_of_its_own_beside_its_backup():
    keys = {mark_key(PATH, BACKUP, mark) for mark in MARKS}
    assert len(keys) == len(MARKS)
    assert all(key.startswith(f"{PATH}/backups/{BACKUP}/marks/") for key in keys)


@pytest.mark.parametrize("mark", MARKS, ids=lambda mark: mark.name)
def test_a_mark_with_any_changed_byte_is_damaged(mark: Mark):
    data = encode_mark(mark, BACKUP)
    for position in range(len(data)):
        changed = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        with pytest.raises((DamagedBackupError, UnreadableManifestError)):
            decoded(mark, changed)


def test_a_mark_of_another_backup_or_under_another_key_is_refused():
    mark, other = a_suspicion(), BackupId("20261121T020000Z-04c1d2")
    data = encode_mark(mark, BACKUP)
    with pytest.raises(DamagedBackupError, match="belongs elsewhere"):
        decoded(mark, data, backup=other)
    elsewhere = ObjectKey(f"{PATH}/backups/{BACKUP}/marks/hold-{BACKUP}.json")
    with pytest.raises(DamagedBackupError, match="belongs elsewhere"):
        decode_mark(data, key=elsewhere, path=PATH, backup=BACKUP)


def test_a_mark_that_gives_no_reason_is_damaged():
    data = encode_mark(replace(a_suspicion(), reasons=()), BACKUP)
    with pytest.raises(DamagedBackupError, match="gives no reason"):
        decoded(a_suspicion(), data)


def test_a_mark_of_a_newer_version_asks_for_an_upgrade():
    document = {**json.loads(encode_mark(a_suspicion(), BACKUP)), "version": 2}
    with pytest.raises(UnreadableManifestError, match="version 2"):
        decoded(a_suspicion(), json.dumps(document).encode())
