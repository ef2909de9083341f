import tracemalloc
from hashlib import sha256

import pytest

from orchestrator.archive.compression import BLOCK_BYTES, ChunkCompressor, decompress_blocks
from orchestrator.archive.zstd import ZstdCompressor
from orchestrator.errors import DamagedBackupError
from tests.support.archives import compressed

TEXT = b"".join(b"%d\tname %d\n" % (number, number * 7) for number in range(60_000))


def test_a_chunk_tells_its_digest_size_and_number_of_lines():
    chunk = compressed(b"1\n2\n")
    assert chunk.sha256 == sha256(chunk.data).hexdigest()
    assert (chunk.text_bytes, chunk.lines) == (4, 2)


def test_rows_come_back_as_they_went_in():
    assert b"".join(decompress_blocks(compressed(TEXT).data)) == TEXT


def test_a_chunk_without_rows_is_a_whole_frame():
    assert list(decompress_blocks(compressed(b"").data)) == []


@pytest.mark.parametrize("level", [1, 3, 9])
@pytest.mark.parametrize("size", [1_000, 65_536, 131_072, 131_073, 1 << 20])
def test_how_rows_were_cut_into_blocks_does_not_change_a_byte(level: int, size: int):
    compressor = ChunkCompressor(level)
    for start in range(0, len(TEXT), size):
        compressor.feed(TEXT[start : start + size])
    assert compressor.finish() == compressed(TEXT, level)


@pytest.mark.parametrize("cut", [0, 1, 4, 5, 100, -5, -1])
def test_a_truncated_frame_is_damaged(cut: int):
    data = compressed(TEXT).data[:cut]
    with pytest.raises(DamagedBackupError, match="compressed rows"):
        list(decompress_blocks(data))


@pytest.mark.parametrize("tail", [b"x", b"\0", b"(\xb5/\xfd", compressed(b"3\n").data])
def test_whatever_follows_the_frame_is_damage(tail: bytes):
    with pytest.raises(DamagedBackupError, match="go on after the end"):
        list(decompress_blocks(compressed(b"1\n2\n").data + tail))


def test_a_frame_without_checksum_is_not_one_of_ours():
    plain = ZstdCompressor(level=3)
    data = plain.compress(b"1\n") + plain.flush()
    with pytest.raises(DamagedBackupError, match="has a checksum"):
        list(decompress_blocks(data))


def test_a_wrong_checksum_is_damage():
    data = compressed(b"1\n2\n").data
    with pytest.raises(DamagedBackupError, match="cannot be decompressed"):
        list(decompress_blocks(data[:-1] + bytes([data[-1] ^ 1])))


def test_a_bomb_is_inflated_block_by_block():
    compressor = ChunkCompressor(3)
    for _ in range(256):
        compressor.feed(bytes(1 << 20))
    bomb = compressor.finish().data
    tracemalloc.start()
    sizes = [len(block) for block in decompress_blocks(bomb)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(sizes) == 256 << 20
    assert max(sizes) <= BLOCK_BYTES
    assert peak < 16 << 20
