"""What a restore into a new database would meet, found out without creating anything."""

from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.contents import Details
from orchestrator.ports.engine import RestoreRequest


@dataclass(frozen=True, slots=True)
class TargetFindings:
    """``obstacles`` would stop the restore, ``missing`` would be left out and listed; in words.

    ``made`` are the names of the roles that would be made, because that was asked for.
    """

    server_version: str
    obstacles: tuple[str, ...]
    missing: tuple[str, ...]
    made: tuple[str, ...] = ()


class TargetInspector(Protocol):
    """Looks at servers."""

    def inspect(
        self, request: RestoreRequest, details: Details, schema_archive: bytes
    ) -> TargetFindings:
        """Return what the target lacks: a free name, privileges, locales, extensions, roles.

        Raises:
            SourceUnreachableError, AuthenticationFailedError: the server cannot be asked.
        """
        ...
