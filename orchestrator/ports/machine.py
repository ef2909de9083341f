"""The machine that we run on."""

from typing import Protocol

from orchestrator.model.run import Actor


class Machine(Protocol):
    """Knows who we are, and whether another process of this host still runs."""

    def whoami(self) -> Actor:
        """Return the operating system user, host name and process that we are."""
        ...

    def is_gone(self, actor: Actor) -> bool:
        """Return True only if the actor was a process of this very host that no longer runs.

        False for a live process and for every process of another host: nobody here can know.
        A later process under the same number is not the actor (its start time differs), and after
        a reboot (another boot id) all processes of this host are gone.
        """
        ...

    def random_hex(self, digits: int) -> str:
        """Return that many random hexadecimal digits, fit for identifiers."""
        ...
