"""The details as bytes: what is inside a backup (design §6).

Numbers that can be larger than 2^53 (values of sequences) are texts: many readers of JSON, jq
among them, would round them.
"""

from orchestrator.archive.details.database import (
    extension_document,
    extension_of,
    identity_document,
    identity_of,
    properties_document,
    properties_of,
    role_document,
    role_of,
)
from orchestrator.archive.details.tables import (
    large_object_chunk_document,
    large_object_chunk_of,
    partition_document,
    partition_of,
    table_data_document,
    table_data_of,
    table_name_document,
    table_name_of,
    type_document,
    type_of,
)
from orchestrator.archive.documents import (
    DocumentError,
    JsonValue,
    NewerDocumentError,
    encode_document,
    format_moment,
    parse_document,
)
from orchestrator.archive.fields import Fields
from orchestrator.errors import DamagedBackupError, UnreadableManifestError
from orchestrator.model.contents import Details, LargeObject, LeftOut, SequenceState
from orchestrator.model.manifest import FORMAT_VERSION

DETAILS_FORMAT = "orchestrator-details"


def encode_details(details: Details) -> bytes:
    """Given details, return their canonical document. Names may be any text a server can send."""
    return encode_document(_document_of(details))


def decode_details(data: bytes) -> Details:
    """Given the stored bytes of details, return them.

    Raises:
        DamagedBackupError: they are damaged.
        UnreadableManifestError: they were written by a newer version.
    """
    try:
        return _decode(data)
    except NewerDocumentError as error:
        raise UnreadableManifestError(
            f"the details of a backup cannot be read by this version: {error}",
            next_step="upgrade this program to the version that wrote them, or a later one",
        ) from error
    except DocumentError as error:
        raise DamagedBackupError(
            f"the details of a backup are damaged: {error}",
            next_step="use another backup, or another copy of this one",
        ) from error


def _decode(data: bytes) -> Details:
    fields = Fields(parse_document(data, format_name=DETAILS_FORMAT, version=FORMAT_VERSION))
    details = _details_of(fields)
    if encode_details(details) != data:
        raise DocumentError("they are not in the canonical form")
    return details


def _document_of(details: Details) -> dict[str, JsonValue]:
    document = _always(details)
    # Only where there is any: details written before these were recorded have no such fields.
    if details.unpopulated:
        document["unpopulated"] = [table_name_document(name) for name in details.unpopulated]
    if details.types:
        document["types"] = [type_document(definition) for definition in details.types]
    if details.extensions:
        document["extensions"] = [extension_document(one) for one in details.extensions]
    if details.partitions:
        document["partitions"] = [partition_document(one) for one in details.partitions]
    return document


def _always(details: Details) -> dict[str, JsonValue]:
    return {
        "format": DETAILS_FORMAT,
        "version": FORMAT_VERSION,
        "identity": identity_document(details.identity),
        "snapshot_at": format_moment(details.snapshot_at),
        "database": properties_document(details.properties),
        "tables": [table_data_document(data) for data in details.tables],
        "large_objects": [_large_object_document(item) for item in details.large_objects],
        "large_object_chunks": [
            large_object_chunk_document(chunk) for chunk in details.large_object_chunks
        ],
        "sequences": [_sequence_document(state) for state in details.sequences],
        "roles": [role_document(role) for role in details.roles],
        "left_out": [
            {"kind": item.kind, "name": item.name, "reason": item.reason}
            for item in details.left_out
        ],
        "uncovered": [table_name_document(name) for name in details.uncovered],
        "selection": {
            "include": list(details.selection_include),
            "exclude": list(details.selection_exclude),
        },
    }


def _details_of(fields: Fields) -> Details:
    selection = fields.record("selection")
    return Details(
        identity=identity_of(fields.record("identity")),
        snapshot_at=fields.moment("snapshot_at"),
        properties=properties_of(fields.record("database")),
        tables=tuple(table_data_of(item) for item in fields.records("tables")),
        large_objects=tuple(_large_object_of(item) for item in fields.records("large_objects")),
        large_object_chunks=tuple(
            large_object_chunk_of(item) for item in fields.records("large_object_chunks")
        ),
        sequences=tuple(_sequence_of(item) for item in fields.records("sequences")),
        roles=tuple(role_of(item) for item in fields.records("roles")),
        left_out=tuple(_left_out_of(item) for item in fields.records("left_out")),
        uncovered=tuple(table_name_of(item) for item in fields.records("uncovered")),
        selection_include=selection.texts("include"),
        selection_exclude=selection.texts("exclude"),
        unpopulated=tuple(table_name_of(item) for item in fields.records("unpopulated"))
        if "unpopulated" in fields.names
        else (),
        types=tuple(type_of(item) for item in fields.records("types"))
        if "types" in fields.names
        else (),
        extensions=tuple(extension_of(item) for item in fields.records("extensions"))
        if "extensions" in fields.names
        else (),
        partitions=tuple(partition_of(item) for item in fields.records("partitions"))
        if "partitions" in fields.names
        else (),
    )


def _large_object_document(item: LargeObject) -> JsonValue:
    return {
        "oid": item.oid,
        "owner": item.owner,
        "acl": None if item.acl is None else list(item.acl),
        "comment": item.comment,
    }


def _large_object_of(fields: Fields) -> LargeObject:
    return LargeObject(
        oid=fields.size("oid"),
        owner=fields.text("owner"),
        acl=fields.optional_texts("acl"),
        comment=fields.optional_text("comment"),
    )


def _sequence_document(state: SequenceState) -> JsonValue:
    return {
        "schema": state.name.schema,
        "name": state.name.name,
        "last_value": str(state.last_value),
        "is_called": state.is_called,
    }


def _sequence_of(fields: Fields) -> SequenceState:
    try:
        last_value = int(fields.text("last_value"))
    except ValueError as error:
        raise DocumentError("the last_value of a sequence is not a number") from error
    return SequenceState(
        name=table_name_of(fields), last_value=last_value, is_called=fields.flag("is_called")
    )


def _left_out_of(fields: Fields) -> LeftOut:
    return LeftOut(kind=fields.text("kind"), name=fields.text("name"), reason=fields.text("reason"))
