"""The part of the details that is about tables and the chunks that hold their rows.

A table also carries the sum of its rows: it follows from the chunks, and is there for people.
"""

from orchestrator.archive.documents import JsonValue
from orchestrator.archive.fields import Fields
from orchestrator.model.contents import (
    BlockRange,
    Chunk,
    Column,
    LargeObjectRange,
    Partition,
    Table,
    TableData,
    TableName,
    TypeDefinition,
)
from orchestrator.model.names import ObjectKey


def table_name_document(name: TableName) -> dict[str, JsonValue]:
    """Given a table's name, return it for the details."""
    return {"schema": name.schema, "name": name.name}


def table_name_of(fields: Fields) -> TableName:
    """Read what `table_name_document` returned; raises `DocumentError`."""
    return TableName(fields.text("schema"), fields.text("name"))


def table_data_document(data: TableData) -> JsonValue:
    """Given a table and its chunks, return both for the details."""
    table = data.table
    # Only where there are any: details written before they were recorded have no such field.
    generated: dict[str, JsonValue] = (
        {"generated": list(table.generated)} if table.generated else {}
    )
    return {
        **generated,
        **table_name_document(table.name),
        "columns": [{"name": column.name, "type": column.type} for column in table.columns],
        "blocks_per_chunk": table.blocks_per_chunk,
        "partition_of": (
            None if table.partition_of is None else table_name_document(table.partition_of)
        ),
        "unlogged": table.unlogged,
        "rows": data.rows,
        "chunks": [_chunk_document(chunk, "block") for chunk in data.chunks],
    }


def table_data_of(fields: Fields) -> TableData:
    """Read what `table_data_document` returned; raises `DocumentError`."""
    parent = fields.optional_record("partition_of")
    return TableData(
        table=Table(
            name=table_name_of(fields),
            columns=tuple(
                Column(name=column.text("name"), type=column.text("type"))
                for column in fields.records("columns")
            ),
            blocks_per_chunk=fields.size("blocks_per_chunk"),
            partition_of=None if parent is None else table_name_of(parent),
            unlogged=fields.flag("unlogged"),
            generated=fields.texts("generated") if "generated" in fields.names else (),
        ),
        chunks=tuple(
            _chunk_of(
                chunk, BlockRange(chunk.size("first_block"), chunk.optional_size("end_block"))
            )
            for chunk in fields.records("chunks")
        ),
    )


def partition_document(partition: Partition) -> JsonValue:
    """Given a partition without rows, return it for the details."""
    return {
        **table_name_document(partition.name),
        "partition_of": table_name_document(partition.partition_of),
    }


def partition_of(fields: Fields) -> Partition:
    """Read what `partition_document` returned; raises `DocumentError`."""
    return Partition(table_name_of(fields), table_name_of(fields.record("partition_of")))


def type_document(definition: TypeDefinition) -> JsonValue:
    """Given how a type is defined, return it for the details."""
    return {
        "name": definition.name,
        "kind": definition.kind,
        "parts": list(definition.parts),
    }


def type_of(fields: Fields) -> TypeDefinition:
    """Read what `type_document` returned; raises `DocumentError`."""
    return TypeDefinition(
        name=fields.text("name"), kind=fields.text("kind"), parts=fields.texts("parts")
    )


def large_object_chunk_document(chunk: Chunk) -> JsonValue:
    """Given a chunk of large objects, return it for the details."""
    return _chunk_document(chunk, "oid")


def large_object_chunk_of(fields: Fields) -> Chunk:
    """Read what `large_object_chunk_document` returned; raises `DocumentError`."""
    return _chunk_of(
        fields, LargeObjectRange(fields.size("first_oid"), fields.optional_size("end_oid"))
    )


def _chunk_document(chunk: Chunk, counted: str) -> JsonValue:
    return {
        f"first_{counted}": chunk.range.first,
        f"end_{counted}": chunk.range.end,
        "key": chunk.key,
        "rows": chunk.rows,
        "text_bytes": chunk.text_bytes,
        "stored_bytes": chunk.stored_bytes,
        "sha256": chunk.sha256,
    }


def _chunk_of(fields: Fields, numbers: BlockRange | LargeObjectRange) -> Chunk:
    return Chunk(
        range=numbers,
        key=ObjectKey(fields.text("key")),
        rows=fields.size("rows"),
        text_bytes=fields.size("text_bytes"),
        stored_bytes=fields.size("stored_bytes"),
        sha256=fields.digest("sha256"),
    )
