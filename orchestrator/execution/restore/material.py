"""What a restore is made of, read from whichever copy has it right."""

from dataclasses import dataclass, replace

from orchestrator.execution.context import Execution
from orchestrator.execution.restore.fetch_objects import (
    BackupObjects,
    object_of_role,
    open_backup,
    read_details,
)
from orchestrator.execution.restore.load_chunks import ChunkSource
from orchestrator.model.backup import Backup
from orchestrator.model.contents import Details
from orchestrator.model.manifest import ObjectRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a database is rebuilt from, read and checked."""

    objects: BackupObjects
    details: Details
    schema: bytes
    chunks: ChunkSource


def fetch_material(backup: Backup, execution: Execution) -> Material:
    """Return what a restore reads, manifest and details checked by their digests.

    Raises:
        DamagedBackupError: no copy has some of it intact.
        RestoreError: the schema archive cannot be read.
    """
    objects = open_backup(backup, execution)
    manifest = objects.manifest()
    details = read_details(objects, manifest)
    schema = objects.read(object_of_role(manifest, ObjectRole.SCHEMA))
    return Material(
        objects=objects,
        details=_with_partitions(details, schema, execution),
        schema=schema,
        chunks=ChunkSource(objects, manifest),
    )


def _with_partitions(details: Details, schema: bytes, execution: Execution) -> Details:
    """Add from the schema archive what details did not record in earlier versions."""
    if details.partitions or all(data.table.partition_of is None for data in details.tables):
        return details
    with_rows = {data.table.name for data in details.tables}
    found = execution.target.read_partitions(schema)
    return replace(details, partitions=tuple(one for one in found if one.name not in with_rows))


def text_bytes(details: Details) -> int:
    """Return the bytes of COPY text of everything that is loaded."""
    return sum(chunk.text_bytes for chunk in details.chunks)
