"""The policies that a loop works by: the last ones that were valid."""

from enum import Enum

from orchestrator.model.policy import DesiredState
from orchestrator.ports.policies import PolicyFiles

READ_AGAIN_SECONDS = 300
"""How old secrets may get that a loop works with: one in a file may change without the policies."""


class Reading(Enum):
    """What came of looking at the policy files."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    INVALID = "invalid"
    MENDED = "mended"
    """Valid again, and what they were before."""


class PoliciesInForce:
    """Keeps the last good revision, and says once what is wrong with a newer one."""

    def __init__(self, files: PolicyFiles, desired: DesiredState) -> None:
        """Start with a revision that was read from these files."""
        self._files = files
        self.desired = desired
        self.problems: tuple[str, ...] = ()
        self._fingerprint: str | None = None
        self._read_at: float | None = None

    def look_changed(self) -> bool:
        """Whether a file was written, added or removed since the files were read."""
        return self._files.fingerprint() != self._fingerprint

    def refresh(self, *, now: float, force: bool) -> Reading:
        """Read the files if they look changed, or were read long ago, or somebody asks for it.

        ``now`` is in monotonic seconds. INVALID is returned once for each set of problems.
        """
        fingerprint = self._files.fingerprint()
        is_old = self._read_at is None or now - self._read_at >= READ_AGAIN_SECONDS
        if not force and not is_old and fingerprint == self._fingerprint:
            return Reading.UNCHANGED
        read = self._files.read()
        # Remembered last: if reading raises, the next look tries again.
        self._fingerprint, self._read_at = fingerprint, now
        known, self.problems = self.problems, read.problems
        if read.desired is None:
            return Reading.UNCHANGED if known == read.problems else Reading.INVALID
        before, self.desired = self.desired, read.desired
        if before.revision.digest != read.desired.revision.digest:
            return Reading.CHANGED
        return Reading.MENDED if known else Reading.UNCHANGED
