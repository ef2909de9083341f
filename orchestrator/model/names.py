"""Names and identifiers, each a type of its own so that they cannot be mixed up."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

PolicyName = NewType("PolicyName", str)
DatabaseName = NewType("DatabaseName", str)
DestinationName = NewType("DestinationName", str)
ChannelName = NewType("ChannelName", str)
ScheduleName = NewType("ScheduleName", str)

BackupId = NewType("BackupId", str)
"""``20261122T020000Z-7f3a9c``: snapshot time in UTC and a random part (design §6)."""

RunId = NewType("RunId", str)
"""Same shape as a backup id; the time is when the run started."""

ObjectKey = NewType("ObjectKey", str)
"""Where an object lies below the root of a destination: segments joined by ``/``."""

BACKUP_ID_PATTERN = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """A policy and one of its databases: the unit that has a timeline of backups."""

    policy: PolicyName
    database: DatabaseName

    def __str__(self) -> str:
        return f"{self.policy}/{self.database}"


def format_identifier(moment: datetime, random_part: str) -> str:
    """Given an aware time and six hexadecimal digits, return an id such as ``20261122T020000Z-7f3a9c``."""
    identifier = f"{moment:%Y%m%dT%H%M%SZ}-{random_part}"
    if not BACKUP_ID_PATTERN.fullmatch(identifier):
        raise ValueError(f"not an identifier: {identifier!r}")
    return identifier
