"""Asking, before anything is done, whether it can be done: problems as data, all of them at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from orchestrator.errors import Kind, OrchestratorError
from orchestrator.model.names import DatabaseName
from orchestrator.model.policy import Channel, Policy, Source


class Severity(Enum):
    """What a finding means for the backups."""

    PROBLEM = "problem"
    """They cannot be made, or kept, or nobody would be told."""
    WARNING = "warning"
    """They work, and something about them is dangerous."""
    NOTE = "note"
    """Something to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was found out about one place.

    ``subject`` says where (``practice/app``, ``destination local``, ``this machine``), ``what`` is
    a sentence without its full stop, ``next_step`` what to do: ready SQL or a command. ``code`` and
    ``kind`` are those of the error that a run would end with; a warning or note has neither.
    """

    severity: Severity
    subject: str
    what: str
    next_step: str = ""
    code: str = ""
    kind: Kind | None = None


def problem(subject: str, error: OrchestratorError) -> Finding:
    """Return an error as the problem that it would be."""
    return Finding(
        severity=Severity.PROBLEM,
        subject=subject,
        what=error.what,
        next_step=error.next_step,
        code=error.code,
        kind=error.kind,
    )


class DatabaseLister(Protocol):
    """Says which databases a server has."""

    def list_databases(self, source: Source) -> Sequence[DatabaseName]:
        """Return the databases that a backup may be taken of, sorted.

        Templates, those that allow no connections, and what an unfinished restore left are not
        among them. A server that does not answer is given up after a few seconds.

        Raises:
            SourceError: with the class that names the cause.
        """
        ...


class ServerClock(Protocol):
    """Says what time it is at a server."""

    def server_time(self, source: Source) -> datetime:
        """Return the time of a server's clock, aware UTC.

        Raises:
            SourceError: with the class that names the cause.
        """
        ...


class SourceInspector(DatabaseLister, Protocol):
    """Looks at sources without changing anything there; no method raises for what it finds."""

    def inspect_server(self, policy: Policy) -> Sequence[Finding]:
        """Look at what concerns all databases of a policy: its connection, roles, and `restore_url`.

        A server that is down is one problem, of kind UNREACHABLE.
        """
        ...

    def inspect_database(self, policy: Policy, database: DatabaseName) -> Sequence[Finding]:
        """Look at one database: whatever a run would be refused for, and what is dangerous or left out."""
        ...

    def inspect_programs(self) -> Sequence[Finding]:
        """Look at the client programs of this machine."""
        ...


class ChannelInspector(Protocol):
    """Looks at the form of alert channels; nothing is sent."""

    def inspect_channel(self, channel: Channel) -> Sequence[Finding]:
        """Return a problem if the URL is none that a message could be sent to."""
        ...
