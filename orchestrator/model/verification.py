"""How far a copy of a backup has been proved (design §8)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from orchestrator.model.names import BackupId, DestinationName


class Level(IntEnum):
    """Evidence, from weak to strong; a higher level includes the lower ones."""

    STORED = 1
    """Every object is present with its size, and the manifest is complete."""
    OBJECTS = 2
    """Every stored byte was read back and its SHA-256 is equal."""
    CONTENT = 3
    """Everything was decompressed; sizes, row counts and ranges equal the details."""
    RESTORED = 4
    """A drill restored it into a scratch server and compared."""

    @property
    def label(self) -> str:
        """The word for this level in policies and output."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Damage:
    """One thing that is wrong with a stored copy: which object, and what."""

    object_key: str
    what: str

    def __str__(self) -> str:
        return f"{self.object_key}: {self.what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The result of reading one copy again, at one level, at one time.

    ``damage`` is empty if and only if the copy was proved to ``level``. ``beside`` is what is wrong
    with RESTORE.md, which belongs to the destination: it must be mended, but the backup is whole.
    """

    backup: BackupId
    destination: DestinationName
    level: Level
    at: datetime
    objects: int
    stored_bytes: int
    damage: Sequence[Damage] = ()
    beside: Sequence[Damage] = ()

    @property
    def passed(self) -> bool:
        """Whether the copy was proved to the level."""
        return not self.damage
