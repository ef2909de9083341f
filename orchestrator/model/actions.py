"""Everything that a pass can do, as data: one frozen value per action, in one closed union."""

from dataclasses import dataclass

from orchestrator.model.backup import RunReason
from orchestrator.model.lease import Lease
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.verification import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoverSeries:
    """Adopt what a dead run completed, close the run as interrupted, and free its lease."""

    series: Series
    abandoned: Lease
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBackup:
    """Take a backup of one series, store it at every destination, and prove it."""

    series: Series
    run_reason: RunReason
    destinations: tuple[DestinationName, ...]
    verify_to: Level
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyCopy:
    """Prove a copy that was written but not yet proved to the level that its policy asks for."""

    series: Series
    backup: BackupId
    destination: DestinationName
    level: Level
    reason: str


Action = RecoverSeries | TakeBackup | VerifyCopy
