"""What a restore was asked for, the same for every way of doing it."""

from dataclasses import dataclass, field

from orchestrator.execution.context import Execution
from orchestrator.model.backup import Backup
from orchestrator.model.secret import Secret
from orchestrator.ports.engine import Ownership
from orchestrator.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreAsked:
    """The backup, and the options that every way understands.

    ``tables`` are ``schema.table`` names; none of them means everything.
    """

    backup: Backup
    settings: Settings
    execution: Execution
    tables: tuple[str, ...]
    prove: bool
    dry_run: bool
    as_json: bool
    at_server: Secret | None = None
    ownership: Ownership = field(default_factory=Ownership)
    skip_failed_indexes: bool = False
    skip_failed_constraints: bool = False

    @property
    def server_url(self) -> Secret:
        """The server to restore to: the one that was named, else that of the policy."""
        if self.at_server is not None:
            return self.at_server
        return self.execution.policy_of(self.backup.series).source.restore_url
