"""Everything that can go wrong, as data: a stable code, whose fault it is, and what to do next.

Every error that a user can meet is one class here. Its docstring is the entry in the generated
``docs/errors.md``; its ``code`` never changes once released; its ``kind`` decides the exit code,
in the one table of ``cli/exit_codes.py`` (design §4). Adapters translate the exceptions of libraries
once, at their border. A message says what happened and to what; ``next_step`` says what to do about
it, without a capital at its beginning and a full stop at its end, since callers join them.
Neither ever carries the value of a secret.
"""

from enum import Enum
from typing import ClassVar


class Kind(Enum):
    """Whose fault an error is; the exit code follows from it."""

    USAGE = "usage"
    POLICY = "policy"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    LOCKED = "locked"
    FAILED = "failed"


class OrchestratorError(Exception):
    """Something this program knows how to explain went wrong."""

    code: ClassVar[str] = "ORC-000"
    kind: ClassVar[Kind] = Kind.FAILED
    next_step: str

    def __init__(self, what: str, *, next_step: str) -> None:
        """Given what happened and to what, and what to do next, build the error."""
        super().__init__(what)
        self.next_step = next_step

    @property
    def what(self) -> str:
        """What happened, and to what, in one sentence without a final full stop."""
        return str(self.args[0])


# ------------------------------------------------------------------ 1xx: what the user wrote
class UsageError(OrchestratorError):
    """The command line asks for something that does not exist or does not fit together."""

    code = "ORC-101"
    kind = Kind.USAGE


class NotSupportedYetError(OrchestratorError):
    """The command line asks for something that is designed but not built yet."""

    code = "ORC-102"
    kind = Kind.USAGE


class InvalidPolicyError(OrchestratorError):
    """The policy files have problems; each is printed as file:line:column before this error."""

    code = "ORC-110"
    kind = Kind.POLICY


class RenameRefusedError(OrchestratorError):
    """A policy cannot carry on the backups of its former name: it has backups of its own."""

    code = "ORC-111"
    kind = Kind.REFUSED


class BackupNotFoundError(OrchestratorError):
    """No backup, or more than one, fits the reference that was given."""

    code = "ORC-120"
    kind = Kind.USAGE


# ------------------------------------------------------------------ 2xx: the source database
class SourceError(OrchestratorError):
    """The source database answered with an error."""

    code = "ORC-200"


class SourceUnreachableError(SourceError):
    """No connection to the database server could be made, or it broke."""

    code = "ORC-201"
    kind = Kind.UNREACHABLE


class AuthenticationFailedError(SourceError):
    """The database server refused the user name or password."""

    code = "ORC-202"


class DatabaseMissingError(SourceError):
    """The server does not have the database that the policy names."""

    code = "ORC-203"


class MissingPrivilegeError(SourceError):
    """The backup role may not read everything that the backup needs; ready SQL is listed."""

    code = "ORC-204"


class ClientProgramError(SourceError):
    """A PostgreSQL client program is missing, too old for the server, or failed."""

    code = "ORC-205"


class TablesNotFoundError(SourceError):
    """`tables.include` or `tables.exclude` leaves nothing: a name is misspelt, or a table is gone."""

    code = "ORC-206"


class UncoveredTableError(SourceError):
    """A table is named by no pattern, and the policy says that this is a failure."""

    code = "ORC-207"


class LockTimeoutError(SourceError):
    """The tables could not be locked for reading within `source.lock_timeout`."""

    code = "ORC-208"


class SnapshotLostError(SourceError):
    """The transaction that holds the snapshot ended early, so the backup is not consistent."""

    code = "ORC-209"


class IncompleteStreamError(SourceError):
    """Rows that left the server cannot be proved complete; the run fails."""

    code = "ORC-210"


class StalledError(SourceError):
    """No byte arrived for `source.stall_timeout`; the run was broken off."""

    code = "ORC-211"


class RunTooLongError(SourceError):
    """The run took longer than `source.max_duration` and was broken off."""

    code = "ORC-212"


class GaveWayError(SourceError):
    """Others waited for our locks longer than `source.yield_after`; the run was broken off."""

    code = "ORC-213"


class UnsupportedServerError(SourceError):
    """The server's version or kind is not one that this program backs up."""

    code = "ORC-214"


class ValueTooLargeError(SourceError):
    """A value is larger than PostgreSQL can write as COPY text (about 500 MB)."""

    code = "ORC-215"


class PoolerError(UnsupportedServerError):
    """A pooler in transaction mode lies between this program and the server."""

    code = "ORC-216"


class LockCapacityError(SourceError):
    """The database has more tables than the server can lock at once with its settings."""

    code = "ORC-217"


class StandbyBehindError(SourceError):
    """The server is a standby that is further behind than `source.max_standby_lag` allows, or may be."""

    code = "ORC-218"


class CapacityError(SourceUnreachableError):
    """The server takes no more connections: of all, of this role, or of this database."""

    code = "ORC-219"


class TlsError(SourceError):
    """The encrypted connection could not be made: a certificate is wrong or has expired."""

    code = "ORC-220"


# ------------------------------------------------------------------ 3xx: destinations
class DestinationError(OrchestratorError):
    """A destination answered with an error."""

    code = "ORC-300"


class DestinationUnreachableError(DestinationError):
    """A destination cannot be reached."""

    code = "ORC-301"
    kind = Kind.UNREACHABLE


class DestinationFullError(DestinationError):
    """A destination has no space (or no inodes) left."""

    code = "ORC-302"


class ForeignDestinationError(DestinationError):
    """The marker of a destination is absent or not ours: perhaps its disk is not mounted."""

    code = "ORC-303"
    kind = Kind.REFUSED


class UnknownBackupsError(DestinationError):
    """The destination holds backups that this empty catalog does not know."""

    code = "ORC-304"
    kind = Kind.REFUSED


class ObjectMissingError(DestinationError):
    """An object is not at the destination."""

    code = "ORC-305"


class ObjectExistsError(DestinationError):
    """An object that must be new is there already; nothing was overwritten."""

    code = "ORC-306"


class DestinationPermissionError(DestinationError):
    """The destination may not be read or written by this user."""

    code = "ORC-307"


class ObjectKeptError(DestinationError):
    """The destination does not let go of an object: it is locked, or kept in silence."""

    code = "ORC-308"


class LowStorageError(DestinationError):
    """A destination has less space than its `low_storage` asks for, or will be full soon."""

    code = "ORC-309"


class OlderCatalogError(DestinationError):
    """The destination holds newer backups of a series than this catalog knows; nothing was written."""

    code = "ORC-310"
    kind = Kind.REFUSED


# ------------------------------------------------------------------ 4xx: stored backups
class DamagedBackupError(OrchestratorError):
    """A stored object is missing, has the wrong size or digest, or contradicts the details."""

    code = "ORC-401"


class UnreadableManifestError(OrchestratorError):
    """A manifest is damaged, or was written by a newer version of this program."""

    code = "ORC-402"


class PruneRefusedError(OrchestratorError):
    """A guard forbids that a copy or a series is removed; nothing was removed."""

    code = "ORC-403"
    kind = Kind.REFUSED


# ------------------------------------------------------------------ 5xx: restoring
class RestoreError(OrchestratorError):
    """A restore failed; the target keeps only a temporary name."""

    code = "ORC-501"


class TargetExistsError(RestoreError):
    """The database that a restore should create is there already."""

    code = "ORC-502"
    kind = Kind.REFUSED


class RestoreDiffersError(RestoreError):
    """The restored database does not equal the backup; it was not given its final name."""

    code = "ORC-503"


# ORC-504 stays unused: it stood here for an incomplete restore, which no code ever raised.
class ReplaceRefusedError(RestoreError):
    """A database or its tables cannot be replaced, or not without a loss that nobody agreed to."""

    code = "ORC-505"
    kind = Kind.REFUSED


# ------------------------------------------------------------------ 6xx: the catalog
class CatalogError(OrchestratorError):
    """The catalog answered with an error."""

    code = "ORC-600"


class CatalogUnreachableError(CatalogError):
    """The catalog cannot be opened or reached."""

    code = "ORC-601"


class CatalogVersionError(CatalogError):
    """The catalog was written by a newer version of this program."""

    code = "ORC-602"
    kind = Kind.REFUSED


class CatalogFullError(CatalogError):
    """The disk of the catalog is full."""

    code = "ORC-603"


# ------------------------------------------------------------------ 7xx: one at a time
class SeriesLockedError(OrchestratorError):
    """Another run holds the lease of this series."""

    code = "ORC-701"
    kind = Kind.LOCKED


class LeaseLostError(OrchestratorError):
    """This run held a lease past its time and another took over; it stopped before writing."""

    code = "ORC-702"
    kind = Kind.LOCKED


# ------------------------------------------------------------------ 8xx: alerts
class AlertNotDeliveredError(OrchestratorError):
    """An alert channel did not take the message."""

    code = "ORC-801"


class PromiseBrokenError(OrchestratorError):
    """A slot of a schedule passed, and its grace, too, and there is no backup for it."""

    code = "ORC-802"


class SuspiciousBackupError(OrchestratorError):
    """A guard finds that a backup may hold less than it should; somebody has to look at it."""

    code = "ORC-803"


class MetricsError(OrchestratorError):
    """The file for metrics cannot be written; the pass itself was made."""

    code = "ORC-810"


# ------------------------------------------------------------------ 9xx: ourselves
class InterruptedRunError(OrchestratorError):
    """A run was killed, or its machine stopped, before it ended."""

    code = "ORC-901"


class LocalFileError(OrchestratorError):
    """The output or a file on this machine cannot be written, mostly because its disk is full."""

    code = "ORC-902"


class UnexpectedError(OrchestratorError):
    """A defect in this program: something happened that nobody thought of."""

    code = "ORC-999"
