"""The policy files, as a loop sees them."""

from dataclasses import dataclass
from typing import Protocol

from orchestrator.model.policy import DesiredState


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPolicies:
    """What the files said; ``desired`` is None if and only if there are ``problems``.

    A problem reads ``file:line:column: what is wrong``, and carries no secret.
    """

    desired: DesiredState | None
    problems: tuple[str, ...]


class PolicyFiles(Protocol):
    """Files that people change while a loop runs."""

    def fingerprint(self) -> str:
        """Return a text that differs once a file was written, added or removed; it never raises.

        It is cheap: the files are not read.
        """
        ...

    def read(self) -> ReadPolicies:
        """Return what the files say now, secrets read anew."""
        ...
