"""The owners of a backup that a restore gives other names: a name that nobody bears is a mistake."""

from orchestrator.errors import UsageError
from orchestrator.execution.context import Execution
from orchestrator.execution.restore.material import Material
from orchestrator.ports.engine import Ownership


def require_owners(ownership: Ownership, material: Material, execution: Execution) -> None:
    """Do nothing if every owner that is renamed is one of the backup.

    Raises:
        UsageError: the backup has no such owner; those that it has are named.
        RestoreError: the schema archive cannot be read.
    """
    if not ownership.renamed:
        return
    details = material.details
    owners = {details.properties.owner, *(item.owner for item in details.large_objects)}
    owners |= execution.target.read_owners(material.schema)
    for name in ownership.renamed:
        if name not in owners:
            raise UsageError(
                f"the backup has no owner {name!r}; it has {', '.join(map(repr, sorted(owners)))}",
                next_step="correct it, and mind upper and lower case",
            )
