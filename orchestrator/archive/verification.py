"""What is wrong with stored bytes: the checks behind the levels of evidence (design §8)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256

from orchestrator.archive.compression import decompress_blocks
from orchestrator.archive.documents import format_moment
from orchestrator.archive.ranges import check_ranges
from orchestrator.errors import DamagedBackupError
from orchestrator.model.contents import Chunk, Details
from orchestrator.model.manifest import Manifest, ObjectRole, StoredObject
from orchestrator.model.names import ObjectKey
from orchestrator.model.verification import Damage

_SCHEMA_MAGIC = b"PGDMP"


def totals_of(details: Details) -> Mapping[str, int]:
    """Return the totals that a manifest must repeat: ``tables``, ``rows`` and ``text_bytes``."""
    return {
        "tables": len(details.tables),
        "rows": details.rows,
        "text_bytes": sum(chunk.text_bytes for chunk in _chunks_of(details)),
    }


def damage_of_object(stored: StoredObject, data: bytes) -> Damage | None:
    """Given the bytes that lie under an object's key, return what is wrong with them, or None."""
    if (damage := damage_of_size(stored, len(data))) is not None:
        return damage
    if sha256(data).hexdigest() != stored.sha256:
        return Damage(object_key=stored.key, what="its SHA-256 is not the recorded one")
    return None


def damage_of_size(stored: StoredObject, size: int | None) -> Damage | None:
    """Given how many bytes lie under an object's key, None if nothing does, return what is wrong."""
    if size is None:
        return Damage(object_key=stored.key, what="it is missing")
    if size != stored.size:
        return Damage(object_key=stored.key, what=f"it has {size} bytes instead of {stored.size}")
    return None


def damage_of_chunk_content(chunk: Chunk, data: bytes) -> Damage | None:
    """Decompress a chunk to its end, and return what contradicts the details, or None."""
    try:
        for _ in chunk_rows(chunk, data):
            pass
    except DamagedBackupError as error:
        return Damage(object_key=chunk.key, what=error.what.removeprefix(f"{chunk.key}: "))
    return None


def chunk_rows(chunk: Chunk, data: bytes) -> Iterator[bytes]:
    """Given a chunk and its stored bytes, yield its rows in blocks of at most 1 MiB.

    Never yields more than the recorded ``text_bytes``, whatever the bytes would inflate to (S22).
    Only when the iterator has ended are the rows proved to be whole.

    Raises:
        DamagedBackupError: the bytes do not hold exactly the recorded text and number of rows.
    """
    text_bytes = lines = 0
    last = b"\n"
    for block in _named_blocks(chunk, data):
        text_bytes += len(block)
        if text_bytes > chunk.text_bytes:
            raise _damaged(chunk, f"it holds more text than {chunk.text_bytes} bytes")
        lines += block.count(b"\n")
        last = block[-1:]
        yield block
    if text_bytes != chunk.text_bytes:
        raise _damaged(chunk, f"it holds {text_bytes} bytes of text, not {chunk.text_bytes}")
    if last != b"\n":
        raise _damaged(chunk, "it ends in the middle of a row")
    if lines != chunk.rows:
        raise _damaged(chunk, f"it holds {lines} rows, not {chunk.rows}")


def _named_blocks(chunk: Chunk, data: bytes) -> Iterator[bytes]:
    try:
        yield from decompress_blocks(data)
    except DamagedBackupError as error:
        raise _damaged(chunk, error.what) from error


def damage_of_details(
    manifest: Manifest, details: Details, schema_archive: bytes | None = None
) -> Sequence[Damage]:
    """Return everything in which details (and the schema archive, if given) belie their manifest.

    Each must name the same chunks with the same sizes and digests, be of the same server, database
    and moment, and agree on the totals; every table's ranges must be without a gap.
    """
    place = _details_key(manifest)
    return [
        *_damage_of_roles(manifest),
        *(Damage(object_key=place, what=what) for what in _contradictions(manifest, details)),
        *_damage_of_chunks(manifest, details),
        *(Damage(object_key=place, what=what) for what in _gaps(details)),
        *_damage_of_schema(manifest, schema_archive),
    ]


def _damage_of_roles(manifest: Manifest) -> Iterator[Damage]:
    counted = Counter(stored.role for stored in manifest.objects)
    for role in (ObjectRole.SCHEMA, ObjectRole.DETAILS):
        if counted[role] != 1:
            yield Damage(
                object_key=_details_key(manifest),
                what=f"the manifest names {counted[role]} objects of role {role.value}, not 1",
            )


def _contradictions(manifest: Manifest, details: Details) -> Iterator[str]:
    identity, source = details.identity, manifest.source
    pairs: list[tuple[str, str | int | None, str | int]] = [
        ("system_identifier", source.system_identifier, identity.system_identifier),
        ("database_oid", source.database_oid, identity.database_oid),
        ("server_version", source.server_version, identity.version),
        (
            "snapshot_at",
            format_moment(manifest.snapshot_at),
            format_moment(details.snapshot_at),
        ),
        *((name, manifest.totals.get(name), total) for name, total in totals_of(details).items()),
    ]
    for name, in_manifest, in_details in pairs:
        if in_manifest != in_details:
            yield f"{name} is {in_details}, but {in_manifest} in the manifest"


def _damage_of_chunks(manifest: Manifest, details: Details) -> Iterator[Damage]:
    named = {
        stored.key: (stored.size, stored.sha256)
        for stored in manifest.objects
        if stored.role is ObjectRole.CHUNK
    }
    described = {chunk.key: (chunk.stored_bytes, chunk.sha256) for chunk in _chunks_of(details)}
    for key in sorted(named.keys() - described.keys()):
        yield Damage(object_key=key, what="the manifest names it, but no table has it")
    for key in sorted(described.keys() - named.keys()):
        yield Damage(object_key=key, what="the details name it, but the manifest does not")
    for chunk in _chunks_of(details):
        if named.get(chunk.key, (chunk.stored_bytes, chunk.sha256)) != (
            chunk.stored_bytes,
            chunk.sha256,
        ):
            yield Damage(object_key=chunk.key, what="details and manifest differ on it")


def _gaps(details: Details) -> Iterator[str]:
    for data in details.tables:
        trouble = check_ranges(data.chunks)
        if trouble is not None:
            yield f"blocks of table {data.table.name}: {trouble}"
    if details.large_object_chunks or details.large_objects:
        trouble = check_ranges(details.large_object_chunks)
        if trouble is not None:
            yield f"large objects: {trouble}"


def _damage_of_schema(manifest: Manifest, schema_archive: bytes | None) -> Iterator[Damage]:
    if schema_archive is None or schema_archive.startswith(_SCHEMA_MAGIC):
        return
    for stored in manifest.objects:
        if stored.role is ObjectRole.SCHEMA:
            yield Damage(object_key=stored.key, what="it is not an archive of pg_dump")


def _chunks_of(details: Details) -> Iterator[Chunk]:
    for data in details.tables:
        yield from data.chunks
    yield from details.large_object_chunks


def _details_key(manifest: Manifest) -> ObjectKey:
    for stored in manifest.objects:
        if stored.role is ObjectRole.DETAILS:
            return stored.key
    return ObjectKey(manifest.path)


def _damaged(chunk: Chunk, what: str) -> DamagedBackupError:
    return DamagedBackupError(
        f"{chunk.key}: {what}",
        next_step="run `orchestrator verify --level content`, and restore another backup",
    )
