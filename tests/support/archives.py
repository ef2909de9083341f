"""Builders of what is stored: chunks, details, manifests, and whole backups as bytes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from orchestrator.archive.compression import ChunkCompressor, CompressedChunk
from orchestrator.archive.details import encode_details
from orchestrator.archive.layout import chunk_key, details_key, globals_key, schema_key
from orchestrator.archive.manifest import digest_of
from orchestrator.archive.verification import totals_of
from orchestrator.model.backup import RunReason, Trigger
from orchestrator.model.contents import (
    BlockRange,
    Chunk,
    Column,
    DatabaseProperties,
    DatabaseSetting,
    Details,
    LargeObject,
    LargeObjectRange,
    LeftOut,
    Role,
    SequenceState,
    ServerIdentity,
    Table,
    TableData,
    TableName,
)
from orchestrator.model.manifest import Manifest, ManifestSource, ObjectRole, StoredObject
from orchestrator.model.names import BackupId, ObjectKey, RunId, Series
from tests.support.builders import a_series, a_slot, utc

PATH = "practice/app"
BACKUP = BackupId("20261122T020000Z-7f3a9c")
RUN = RunId("20261122T015958Z-04c1d2")
SCHEMA_ARCHIVE = b"PGDMP\x01\x10\x00 what pg_dump wrote"
GLOBALS = b"CREATE ROLE app;\n"


def compressed(text: bytes, level: int = 3) -> CompressedChunk:
    compressor = ChunkCompressor(level)
    compressor.feed(text)
    return compressor.finish()


def a_chunk(
    text: bytes = b"1\tone\n2\ttwo\n", blocks: BlockRange | LargeObjectRange | None = None
) -> Chunk:
    chunk = compressed(text)
    return Chunk(
        range=blocks or BlockRange(0, None),
        key=chunk_key(PATH, chunk.sha256),
        rows=chunk.lines,
        text_bytes=chunk.text_bytes,
        stored_bytes=len(chunk.data),
        sha256=chunk.sha256,
    )


def a_table_data(name: str = "users", chunks: Sequence[Chunk] = ()) -> TableData:
    return TableData(
        table=Table(
            name=TableName("public", name),
            columns=(Column(name="id", type="integer"), Column(name="name", type="text")),
            blocks_per_chunk=1024,
        ),
        chunks=tuple(chunks) or (a_chunk(),),
    )


def some_details(*tables: TableData) -> Details:
    acl = ("app=CTc/app", "=c/app")
    return Details(
        identity=ServerIdentity(
            system_identifier="7573926384711027412",
            database_oid=16384,
            version="17.10",
            version_number=170010,
            in_recovery=False,
        ),
        snapshot_at=utc("2026-11-22T02:00:00"),
        properties=_some_properties(acl),
        tables=tables or (a_table_data(),),
        large_objects=(LargeObject(oid=24601, owner="app", acl=None, comment="a scan"),),
        large_object_chunks=(a_chunk(b"24601\t0\t\\\\x00ff\n", LargeObjectRange(0, None)),),
        sequences=(
            SequenceState(name=TableName("public", "s"), last_value=2**63 - 1, is_called=True),
        ),
        roles=(_a_role(),),
        left_out=(LeftOut(kind="foreign table", name="public.rates", reason="lies elsewhere"),),
        uncovered=(TableName("public", "sessions"),),
        selection_include=("public.*",),
        selection_exclude=("public.sessions",),
    )


def _some_properties(acl: tuple[str, ...]) -> DatabaseProperties:
    return DatabaseProperties(
        name="app",
        owner="app",
        encoding="UTF8",
        locale_provider="libc",
        collate="en_GB.UTF-8",
        ctype="en_GB.UTF-8",
        locale=None,
        icu_rules=None,
        collation_version="2.36",
        tablespace="pg_default",
        acl=acl,
        connection_limit=-1,
        comment=None,
        settings=(DatabaseSetting(role=None, setting="work_mem=8MB"),),
    )


def _a_role() -> Role:
    return Role(
        name="app",
        attributes={"login": True, "superuser": False},
        connection_limit=-1,
        valid_until=None,
        member_of=(),
        settings=(),
        comment=None,
    )


def stored(key: ObjectKey, role: ObjectRole, data: bytes) -> StoredObject:
    return StoredObject(key=key, role=role, size=len(data), sha256=digest_of(data))


def a_manifest(details: Details | None = None, *, series: Series | None = None) -> Manifest:
    """The manifest of a backup that holds these details, with every object that they need."""
    details = details or some_details()
    chunks = {
        chunk.key: StoredObject(
            key=chunk.key, role=ObjectRole.CHUNK, size=chunk.stored_bytes, sha256=chunk.sha256
        )
        for chunk in chunks_of(details)
    }
    return Manifest(
        backup=BACKUP,
        series=series or a_series(),
        path=PATH,
        run=RUN,
        snapshot_at=details.snapshot_at,
        finished_at=utc("2026-11-22T02:00:07"),
        reason=RunReason(trigger=Trigger.SCHEDULE, slots=(a_slot("2026-11-22T02:00"),)),
        revision="0b5e" * 16,
        git_commit="8f14e45fceea167a5a36dedd4bea2543c0ffee00",
        source=ManifestSource(
            engine="postgresql",
            system_identifier=details.identity.system_identifier,
            database_oid=details.identity.database_oid,
            server_version=details.identity.version,
        ),
        sequence=42,
        fence=7,
        previous_digest="5a" * 32,
        totals=totals_of(details),
        objects=(
            *chunks.values(),
            stored(schema_key(PATH, BACKUP), ObjectRole.SCHEMA, SCHEMA_ARCHIVE),
            stored(globals_key(PATH, BACKUP), ObjectRole.GLOBALS, GLOBALS),
            stored(details_key(PATH, BACKUP), ObjectRole.DETAILS, encode_details(details)),
        ),
        written_by="orchestrator 0.1.0",
    )


def chunks_of(details: Details) -> Sequence[Chunk]:
    return [
        *(chunk for data in details.tables for chunk in data.chunks),
        *details.large_object_chunks,
    ]


def with_objects(manifest: Manifest, *objects: StoredObject) -> Manifest:
    return replace(manifest, objects=objects)


@dataclass(frozen=True)
class Schema:
    """One of the JSON Schemas of ``schemas/``."""

    document: Mapping[str, Any]

    def check(self, data: bytes) -> None:
        """Fail if a document is not as the schema says."""
        validator = jsonschema.Draft202012Validator(self.document)
        validator.validate(json.loads(data))


@cache
def schema(name: str) -> Schema:
    """``schema("manifest")``."""
    path = Path(__file__).parents[2] / "schemas" / f"{name}.schema.json"
    return Schema(json.loads(path.read_text("utf-8")))
