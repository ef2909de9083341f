"""What came of an action."""

from dataclasses import dataclass, field

from orchestrator.errors import Kind
from orchestrator.model.actions import Action
from orchestrator.model.backup import Backup
from orchestrator.model.run import ErrorReport
from orchestrator.model.verification import Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The action was done, and proved where it asks for proof."""

    action: Action
    summary: str
    backup: Backup | None = None
    verifications: tuple[Verification, ...] = ()
    warnings: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class NotNeeded:
    """Somebody else had done it by the time the lease was ours."""

    action: Action
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The action failed; what it left behind is safe, and the next pass goes on from there."""

    action: Action
    error: ErrorReport
    kind: Kind


Outcome = Succeeded | NotNeeded | Failed
