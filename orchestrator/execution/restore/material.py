"""What a restore is made of, read from whichever copy has it right."""

from dataclasses import dataclass

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
    """
    objects = open_backup(backup, execution)
    manifest = objects.manifest()
    return Material(
        objects=objects,
        details=read_details(objects, manifest),
        schema=objects.read(object_of_role(manifest, ObjectRole.SCHEMA)),
        chunks=ChunkSource(objects, manifest),
    )


def text_bytes(details: Details) -> int:
    """Return the bytes of COPY text of everything that is loaded."""
    return sum(chunk.text_bytes for chunk in details.chunks)
