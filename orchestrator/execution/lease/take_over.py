"""When a lease may be taken over (design §7, "One at a time")."""

from datetime import datetime

from orchestrator.model.lease import Lease
from orchestrator.ports.machine import Machine


def holder_is_gone(lease: Lease, machine: Machine, now: datetime) -> bool:
    """Whether the holder of a lease works on its series no more, as far as anybody here can tell.

    It does not if the time of the lease has passed, or if it was a process of this host that is dead.
    """
    return lease.expires_at <= now or machine.is_gone(lease.holder)
