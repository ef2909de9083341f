"""Holding the lease of one series for the length of one run (design §7, "One at a time")."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import LeaseLostError, OrchestratorError, SeriesLockedError
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.recover_run import recover
from orchestrator.execution.lease.take_over import holder_is_gone
from orchestrator.model.lease import Lease
from orchestrator.model.names import RunId, Series

_log = logging.getLogger(__name__)


class HeldLease:
    """A lease that is ours, renewed in the background until it is let go or lost."""

    def __init__(self, lease: Lease, execution: Execution) -> None:
        self._lease = lease
        self._execution = execution
        self._lost = threading.Event()
        self._let_go = threading.Event()
        self._abandoned = False
        self._renewal = threading.Thread(
            target=self._renew_until_let_go, name=f"renew {lease.series}", daemon=True
        )

    @property
    def lease(self) -> Lease:
        """The lease with its present end."""
        return self._lease

    def check(self) -> None:
        """Do nothing if the lease is ours and nobody asked us to stop.

        Called before each object that is written (design §7).

        Raises:
            LeaseLostError: another run took over, or we slept past the end of the lease.
            InterruptedRunError: somebody asked us to stop.
        """
        self._execution.interruption.check()
        if self._lost.is_set():
            raise LeaseLostError(
                f"another run took over {self._lease.series}; this one stopped before writing",
                next_step="nothing: the other run goes on",
            )
        self._execution.leases.check(self._lease, now=self._execution.clock.now())

    def find_loss(self) -> LeaseLostError | None:
        """Return the error that says that another run took over, or None.

        A lease whose time passed without that is ours: then nobody else is at work.
        """
        execution = self._execution
        try:
            execution.leases.renew(
                self._lease, now=execution.clock.now(), duration=execution.lease_duration
            )
        except LeaseLostError as error:
            return error
        except OrchestratorError as error:
            # Nobody knows, so whatever else went wrong is what there is to say.
            _log.debug("lease_not_checked: %s", error, exc_info=error)
        return None

    def abandon(self) -> None:
        """Let the lease run out instead of giving it back, so that the next run recovers first.

        For a run that may have completed a manifest which the catalog could not take: only who
        takes over a lease adopts what was written under it.
        """
        self._abandoned = True

    def start_renewing(self) -> None:
        """Keep the lease alive from now on."""
        self._renewal.start()

    def let_go(self) -> None:
        """Stop renewing, and give the lease back unless it was abandoned or lost."""
        self._let_go.set()
        self._renewal.join()
        if self._abandoned or self._lost.is_set():
            return
        try:
            self._execution.leases.release(self._lease)
        except OrchestratorError as error:
            # It runs out by itself, and the next run recovers; the work's own end matters more.
            _log.warning("lease_not_released", extra={"series": str(self._lease.series)})
            _log.debug("lease_not_released: %s", error, exc_info=error)

    def _renew_until_let_go(self) -> None:
        interval = self._execution.renewal_interval.total_seconds()
        while not self._let_go.wait(interval) and not self._lost.is_set():
            self._renew()

    def _renew(self) -> None:
        execution = self._execution
        try:
            self._lease = execution.leases.renew(
                self._lease, now=execution.clock.now(), duration=execution.lease_duration
            )
        except LeaseLostError:
            self._lost.set()
        except OrchestratorError as error:
            # A busy catalog is not a lost lease: its end, which `check` reads, decides.
            _log.warning("lease_not_renewed", extra={"series": str(self._lease.series)})
            _log.debug("lease_not_renewed: %s", error, exc_info=error)


@contextmanager
def hold_lease(series: Series, run: RunId, execution: Execution) -> Iterator[HeldLease]:
    """Hold the lease of a series while the block runs, taking it over from a dead holder first.

    What a dead holder completed is adopted before its fence is raised (design §7).

    Raises:
        SeriesLockedError: a live run holds it.
        DestinationError: what a dead holder left behind cannot be looked at now.
        LeaseLostError: the block failed, and by then another run had taken over: who takes over
            ends the sessions of the run before, so that anything may have failed because of it.
    """
    held = HeldLease(_acquire(series, run, execution), execution)
    try:
        held.start_renewing()
        yield held
    except LeaseLostError:
        raise
    except OrchestratorError as error:
        loss = held.find_loss()
        if loss is not None:
            raise loss from error
        raise
    finally:
        held.let_go()


def locked_error(lease: Lease) -> SeriesLockedError:
    """Return the error that says who holds a series, and until when."""
    holder = lease.holder
    return SeriesLockedError(
        f"{lease.series} is being worked on by {holder.user}@{holder.host}, process"
        f" {holder.process}, until {lease.expires_at:%Y-%m-%dT%H:%M:%SZ} or longer",
        next_step="wait for it to end, or see `orchestrator status`",
    )


def _acquire(series: Series, run: RunId, execution: Execution) -> Lease:
    present = next((lease for lease in execution.reader.leases() if lease.series == series), None)
    if present is not None:
        if not holder_is_gone(present, execution.machine, execution.clock.now()):
            raise locked_error(present)
        recover(present, execution)
    return execution.leases.acquire(
        series,
        run,
        holder=execution.machine.whoami(),
        now=execution.clock.now(),
        duration=execution.lease_duration,
        taking_over=present,
    )
