from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.archive.compression import ChunkCompressor, decompress_blocks
from orchestrator.archive.details import decode_details, encode_details
from orchestrator.archive.layout import decode_segment, encode_segment, is_series_path, series_path
from orchestrator.archive.manifest import decode_manifest, encode_manifest
from orchestrator.archive.row_digest import RowDigest
from tests.support.archives import a_manifest, a_table_data, compressed, some_details
from tests.support.builders import a_series

names = st.one_of(
    st.text(min_size=1),
    st.binary(min_size=1).map(lambda data: data.decode("utf-8", "surrogateescape")),
    st.sampled_from([".", "..", "...", "../..", "/", "a/b", "%2E", "\0", "CON", "é", "e\u0301"]),
)
moments = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - Hypothesis adds the time zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001 - the same
    timezones=st.timezones(),
).map(lambda moment: moment.astimezone(UTC))
rows = st.lists(st.binary(max_size=12).map(lambda row: row.replace(b"\n", b"")), max_size=20)


def split(text: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[first:end] for first, end in pairwise(edges)]


def digest_of_rows(lines: list[bytes], cuts: list[int] | None = None) -> str:
    digest = RowDigest()
    for block in split(b"".join(line + b"\n" for line in lines), cuts or []):
        digest.feed(block)
    return digest.finish()


@given(names)
def test_a_name_survives_its_encoding_and_cannot_leave_its_folder(name: str):
    segment = encode_segment(name)
    assert decode_segment(segment) == name
    assert segment
    assert not segment.startswith(".")
    assert not set(segment) & {"/", "\0", "\\"}


@given(names, names)
def test_two_names_never_share_a_segment(one: str, other: str):
    assert (encode_segment(one) == encode_segment(other)) == (one == other)


@given(names, names)
def test_every_series_has_a_path(policy: str, database: str):
    assert is_series_path(series_path(a_series(policy, database)))


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=5), st.integers(1, 5))
def test_any_bytes_in_any_blocks_come_back(text: bytes, cuts: list[int], level: int):
    compressor = ChunkCompressor(level)
    for block in split(text, cuts):
        compressor.feed(block)
    chunk = compressor.finish()
    assert chunk == compressed(text, level)
    assert b"".join(decompress_blocks(chunk.data)) == text
    assert (chunk.text_bytes, chunk.lines) == (len(text), text.count(b"\n"))


@given(rows, st.randoms(use_true_random=False), st.lists(st.integers(0, 300), max_size=6))
def test_neither_order_nor_blocks_change_a_row_digest(
    lines: list[bytes], random: Random, cuts: list[int]
):
    shuffled = list(lines)
    random.shuffle(shuffled)
    assert digest_of_rows(lines) == digest_of_rows(shuffled, cuts)


@given(rows, rows)
def test_different_rows_have_different_digests(one: list[bytes], other: list[bytes]):
    assert (digest_of_rows(one) == digest_of_rows(other)) == (Counter(one) == Counter(other))


@given(names, names)
def test_details_with_any_names_come_back(table: str, name: str):
    details = replace(some_details(a_table_data(table)), selection_include=(name,))
    assert decode_details(encode_details(details)) == details


@given(names, names, moments, st.integers(0, 2**63))
def test_a_manifest_with_any_values_comes_back(
    policy: str, database: str, finished_at: datetime, number: int
):
    manifest = replace(
        a_manifest(series=a_series(policy, database)), sequence=number, finished_at=finished_at
    )
    assert decode_manifest(encode_manifest(manifest)) == manifest
