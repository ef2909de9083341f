"""Every exit code, decided in one table (design §4)."""

from enum import IntEnum

from orchestrator.errors import Kind


class ExitCode(IntEnum):
    """What the shell is told; the docstrings are the table in ``docs/cli.md``."""

    DONE = 0
    """Done, or nothing to do."""
    FAILED = 1
    """Failed."""
    CHANGES_PENDING = 2
    """Only with ``--detailed-exitcode``: the plan has actions."""
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


OF_KIND = {
    Kind.USAGE: ExitCode.USAGE,
    Kind.POLICY: ExitCode.INVALID_POLICY,
    Kind.UNREACHABLE: ExitCode.UNREACHABLE,
    Kind.REFUSED: ExitCode.REFUSED,
    Kind.LOCKED: ExitCode.LOCKED,
    Kind.FAILED: ExitCode.FAILED,
}
