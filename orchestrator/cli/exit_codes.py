"""Every exit code, decided in one table (design §4)."""

from collections.abc import Iterable
from enum import IntEnum

from orchestrator.errors import Kind


class ExitCode(IntEnum):
    """What the shell is told; the docstrings are the table in ``docs/cli.md``."""

    DONE = 0
    """Done, or nothing to do."""
    FAILED = 1
    """Failed."""
    CHANGES_PENDING = 2
    """Only with ``--detailed-exitcode``: the plan has actions, or a policy is not as it was applied."""
    PARTLY_DONE = 3
    """Partly done, or failed for several causes; safe to repeat. Or a guard finds a new backup suspicious."""
    REFUSED = 4
    """Refused by a guard."""
    USAGE = 64
    """The command line is wrong."""
    INVALID_POLICY = 65
    """The policy files are invalid."""
    UNREACHABLE = 69
    """The only cause of failure is a database or destination that cannot be reached."""
    LOCKED = 75
    """Another instance is at work on it."""
    INTERRUPTED = 130
    """Interrupted by a signal."""


class CheckCode(IntEnum):
    """What ``status --check`` alone tells the shell, as monitoring plugins do (design §4)."""

    OK = 0
    """Every promise is kept, and nothing needs care."""
    WARNING = 1
    """Something needs care: an attempt failed, a backup is suspicious or not proved as promised, space is low, a channel does not work."""
    CRITICAL = 2
    """A promise is broken, a series has no backup, or a copy is damaged."""
    UNKNOWN = 3
    """It cannot be found out: the catalog cannot be read, or the policy files are invalid."""


OF_KIND = {
    Kind.USAGE: ExitCode.USAGE,
    Kind.POLICY: ExitCode.INVALID_POLICY,
    Kind.UNREACHABLE: ExitCode.UNREACHABLE,
    Kind.REFUSED: ExitCode.REFUSED,
    Kind.LOCKED: ExitCode.LOCKED,
    Kind.FAILED: ExitCode.FAILED,
}


def code_of_kinds(kinds: Iterable[Kind]) -> ExitCode:
    """Return the exit code of failures of these kinds: one kind has its own, several are partly done."""
    different = set(kinds)
    if not different:
        return ExitCode.DONE
    return OF_KIND[different.pop()] if len(different) == 1 else ExitCode.PARTLY_DONE
