"""What of owners and grants a restore was asked to change, applied to the recorded ones."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.model.contents import DatabaseProperties, LargeObject
from orchestrator.ports.engine import Ownership

_GRANTS = frozenset({"ACL", "DEFAULT ACL"})


def owned_entries(entries: Sequence[ArchiveEntry], ownership: Ownership) -> Iterator[ArchiveEntry]:
    """Yield the entries with the owners that they shall have, without grants if there are none."""
    for entry in entries:
        if ownership.keep_grants or entry.kind not in _GRANTS:
            yield replace(entry, owner=_owner(entry.owner, ownership))


def owned_objects(
    objects: Sequence[LargeObject], ownership: Ownership, *, restoring_role: str
) -> tuple[LargeObject, ...]:
    """Return large objects as they shall be owned and granted."""
    return tuple(
        replace(
            item,
            owner=_owner(item.owner, ownership) or restoring_role,
            acl=item.acl if ownership.keep_grants else None,
        )
        for item in objects
    )


def owned_database(
    properties: DatabaseProperties, ownership: Ownership, *, restoring_role: str
) -> DatabaseProperties:
    """Return the properties of a database; without grants nobody but its owner may connect."""
    return replace(
        properties,
        owner=_owner(properties.owner, ownership) or restoring_role,
        acl=properties.acl if ownership.keep_grants else (),
    )


def _owner(recorded: str | None, ownership: Ownership) -> str | None:
    if recorded is None or not ownership.keep_owners:
        return None
    return ownership.renamed.get(recorded, recorded)
