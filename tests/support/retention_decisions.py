"""What retention decisions say, without what they were found from."""

from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.model.names import BackupId
from orchestrator.planning.retention.decide import CopyDecision


class Said(NamedTuple):
    """All that a reader learns of one copy."""

    is_kept: bool
    labels: tuple[str, ...]
    sentence: str


def said_of(decisions: Mapping[BackupId, CopyDecision]) -> dict[BackupId, Said]:
    """What is said of every copy, so that two decisions can be compared.

    A decision itself holds the shelf that it was made on, and two shelves are never the same.
    """
    return {
        backup_id: Said(one.is_kept, one.labels, one.sentence)
        for backup_id, one in decisions.items()
    }
