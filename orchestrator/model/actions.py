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


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkExpired:
    """Remember that no rule keeps these copies any more: the first of the two steps of pruning.

    Those of ``beyond_normal_ageing`` are among ``backups``, and wait for `apply --allow-prune`.
    """

    series: Series
    destination: DestinationName
    backups: tuple[BackupId, ...]
    beyond_normal_ageing: tuple[BackupId, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepAgain:
    """Take back the marks of copies that were expired and that a rule keeps again."""

    series: Series
    destination: DestinationName
    backups: tuple[BackupId, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneCopy:
    """Remove a copy that no rule keeps, or finish a removal that was interrupted.

    One that is ``allowed`` goes beyond the measure of the day, because a human said so.
    """

    series: Series
    backup: BackupId
    destination: DestinationName
    allowed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectChunks:
    """Note the objects of a series that nothing names, and remove those noted long enough ago."""

    series: Series
    destination: DestinationName
    reason: str


Upkeep = MarkExpired | KeepAgain | PruneCopy | CollectChunks
"""What tidies up: only ever less is stored afterwards."""

Action = RecoverSeries | TakeBackup | VerifyCopy | Upkeep
