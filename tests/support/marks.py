"""Builders of marks, and of details whose tables have a given number of rows."""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from orchestrator.archive.layout import chunk_key
from orchestrator.model.contents import (
    BlockRange,
    Chunk,
    Column,
    Details,
    Table,
    TableData,
    TableName,
)
from orchestrator.model.marks import Acknowledgement, Hold, MarkId, Release, Suspicion
from tests.support.archives import PATH, some_details
from tests.support.builders import an_identifier, utc

NOON = utc("2026-11-22T12:00")
WHO = "backup@backup-host"
BYTES_PER_ROW = 100


def a_suspicion(*reasons: str, at: datetime = NOON) -> Suspicion:
    return Suspicion(at=at, reasons=reasons or ("emptied: table public.users",))


def an_acknowledgement(
    reason: str = "the purge was planned", *, at: datetime = NOON
) -> Acknowledgement:
    identifier = MarkId(an_identifier(at, reason))
    return Acknowledgement(id=identifier, at=at, who=WHO, reason=reason)


def a_hold(
    reason: str = "the audit of 2026", *, at: datetime = NOON, until: datetime | None = None
) -> Hold:
    return Hold(id=MarkId(an_identifier(at, reason)), at=at, who=WHO, reason=reason, until=until)


def a_release(hold: Hold, *, at: datetime = NOON + timedelta(hours=1)) -> Release:
    return Release(hold=hold.id, at=at, who=WHO)


def a_table(
    name: str,
    rows: int,
    *,
    bytes_per_row: int = BYTES_PER_ROW,
    stored_share: int = 20,
    partition_of: str | None = None,
) -> TableData:
    """A table of one chunk; ``stored_share`` is what is stored of its text, in percent."""
    text_bytes = rows * bytes_per_row
    digest = sha256(name.encode()).hexdigest()
    chunk = Chunk(
        range=BlockRange(0, None),
        key=chunk_key(PATH, digest),
        rows=rows,
        text_bytes=text_bytes,
        stored_bytes=text_bytes * stored_share // 100,
        sha256=digest,
    )
    table = Table(
        name=a_name(name),
        columns=(Column(name="id", type="integer"),),
        blocks_per_chunk=1024,
        partition_of=None if partition_of is None else a_name(partition_of),
    )
    return TableData(table=table, chunks=(chunk,))


def a_name(text: str) -> TableName:
    schema, _, name = text.rpartition(".")
    return TableName(schema or "public", name)


def details_of(**rows: int) -> Details:
    """``details_of(users=3)``: details of a backup whose tables have so many rows."""
    tables = tuple(a_table(name, count) for name, count in rows.items())
    return replace(some_details(), tables=tables)
