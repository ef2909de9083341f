"""The table of contents of an archive, built here byte by byte as pg_dump writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engines.postgres.restore.schema.archive_contents import (
    Section,
    read_archive_contents,
)
from orchestrator.errors import RestoreError

VERSIONS = [14, 15, 16]
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def number(value: int) -> bytes:
    return bytes([value < 0]) + abs(value).to_bytes(4, "little")


def text(value: str | bytes | None) -> bytes:
    if value is None:
        return number(-1)
    data = value.encode() if isinstance(value, str) else value
    return number(len(data)) + data


def entry(
    dump_id: int,
    kind: str,
    name: str | bytes,
    *,
    version: int,
    definition: str = "",
    schema_and_owner: tuple[str, str] = ("s", "o"),
) -> bytes:
    schema, owner = schema_and_owner
    fields = [
        number(dump_id), number(0), text("1259"), text("16402"), text(name), text(kind),
        number(2), text(definition), text("DROP it;\n"), text(None), text(schema),
        text(None), text("heap"),
        number(ord("r")) if version >= 16 else b"",
        text(owner), text("false"), text("17"), text("18"), text(None), b"\1" + bytes(8),
    ]  # fmt: skip
    return b"".join(fields)


def archive(
    *entries: bytes, version: int = 16, encoding: str = "UTF8", dumped_by: str = "17.10"
) -> bytes:
    definition = f"SET client_encoding = '{encoding}';\n"
    first = entry(9000, "ENCODING", "ENCODING", version=version, definition=definition)
    compression = b"\1" if version >= 15 else number(-1)
    head = [b"PGDMP", bytes([1, version, 0, 4, 8, 1]), compression]
    time = [number(value) for value in (1, 2, 3, 4, 10, 126, 0)]
    texts = [text("app"), text("17.10"), text(dumped_by)]
    return b"".join([*head, *time, *texts, number(1 + len(entries)), first, *entries])


@given(name=NAMES, schema=NAMES, owner=NAMES, version=st.sampled_from(VERSIONS))
def test_every_name_is_read_exactly(name: str, schema: str, owner: str, version: int):
    data = archive(
        entry(7, "TABLE", name, version=version, schema_and_owner=(schema, owner)), version=version
    )
    _, table = read_archive_contents(data).entries
    assert (table.dump_id, table.kind, table.section) == (7, "TABLE", Section.PRE_DATA)
    assert (table.name, table.schema, table.owner) == (name, schema, owner)


@pytest.mark.parametrize("version", VERSIONS)
def test_an_archive_that_is_cut_off_anywhere_is_refused(version: int):
    data = archive(entry(7, "TABLE", "t", version=version), version=version)
    for end in range(len(data)):
        with pytest.raises(RestoreError):
            read_archive_contents(data[:end])


@pytest.mark.parametrize("version", [13, 17])
def test_a_format_that_we_do_not_know_is_refused_by_its_number(version: int):
    with pytest.raises(RestoreError, match=rf"1\.{version}"):
        read_archive_contents(archive(version=version))


def test_two_entries_with_one_number_are_refused():
    twice = entry(7, "TABLE", "t", version=16)
    with pytest.raises(RestoreError, match="same number"):
        read_archive_contents(archive(twice, twice))


@given(st.binary(max_size=200))
def test_no_bytes_whatsoever_raise_anything_else(data: bytes):
    for prefix in (b"", b"PGDMP\1\x10\0\4\x08\1"):
        with pytest.raises(RestoreError):
            read_archive_contents(prefix + data)


def test_the_writer_of_the_archive_is_known():
    assert read_archive_contents(archive(dumped_by="18.2 (Debian 18.2-1)")).dumped_by == 18


@pytest.mark.parametrize(
    ("encoding", "stored"),
    [("LATIN1", b"caf\xe9"), ("WIN1252", b"caf\xe9"), ("EUC_JP", b"caf\x8f\xab\xb1")],
)
def test_names_in_other_encodings_are_read(encoding: str, stored: bytes):
    data = archive(entry(7, "TABLE", stored, version=16), encoding=encoding)
    assert read_archive_contents(data).entries[1].name == "café"
