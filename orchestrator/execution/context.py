"""What every action needs: the ports, the desired state, and a way to be told to stop."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from orchestrator.errors import InterruptedRunError, UsageError
from orchestrator.model.names import ChannelName, RunId, Series, format_identifier
from orchestrator.model.policy import Channel, DesiredState, Policy
from orchestrator.model.run import LogAction, LogEntry, LogOutcome
from orchestrator.ports.alerts import AlertSender
from orchestrator.ports.catalog import CatalogReader, CatalogWriter, Leases, Marks
from orchestrator.ports.clock import Clock
from orchestrator.ports.destination import DestinationOpener
from orchestrator.ports.direct_notes import DirectNotes, ForgottenNotes
from orchestrator.ports.engine import SourceEngine, TargetEngine
from orchestrator.ports.heartbeat import HeartbeatSender, SilentHeartbeat
from orchestrator.ports.machine import Machine
from orchestrator.ports.metrics import MetricsSink, NoMetrics
from orchestrator.ports.preflight import DatabaseLister
from orchestrator.ports.progress import Progress, SilentProgress


class Interruption:
    """Tells all running work to stop, from whatever thread learns of it first."""

    def __init__(self) -> None:
        self._requested = threading.Event()

    def request(self) -> None:
        """Ask all work to stop at its next step."""
        self._requested.set()

    @property
    def is_requested(self) -> bool:
        """Whether somebody asked to stop."""
        return self._requested.is_set()

    def check(self) -> None:
        """Do nothing unless somebody asked to stop.

        Raises:
            InterruptedRunError: somebody did.
        """
        if self._requested.is_set():
            raise InterruptedRunError(
                "the run was interrupted", next_step="run the same command again; it goes on safely"
            )


@dataclass(frozen=True, kw_only=True)
class Execution:
    """The ports, the policies in force, and the few numbers that all actions share.

    ``workers`` is the number of parallel sessions of one backup or restore, and bounds memory:
    each holds the compressed bytes of one chunk. A lease lasts ``lease_duration`` and is renewed
    every ``renewal_interval``, so that three renewals may fail before it is lost. ``fallback`` is
    told of policy files that cannot be used, where no policy says whom to tell. ``servers`` says what
    patterns of databases stand for; without it the catalog does.
    """

    clock: Clock
    machine: Machine
    reader: CatalogReader
    writer: CatalogWriter
    leases: Leases
    marks: Marks
    destinations: DestinationOpener
    source: SourceEngine
    target: TargetEngine
    alerts: AlertSender
    desired: DesiredState
    progress: Progress = field(default_factory=SilentProgress)
    heartbeat: HeartbeatSender = field(default_factory=SilentHeartbeat)
    metrics: MetricsSink = field(default_factory=NoMetrics)
    notes: DirectNotes = field(default_factory=ForgottenNotes)
    fallback: Channel | None = None
    servers: DatabaseLister | None = None
    interruption: Interruption = field(default_factory=Interruption)
    workers: int = 2
    lease_duration: timedelta = timedelta(seconds=60)
    renewal_interval: timedelta = timedelta(seconds=15)

    def policy_of(self, series: Series) -> Policy:
        """Return the policy of a series.

        Raises:
            UsageError: the policy files in force do not name it.
        """
        policy = self.desired.policies.get(series.policy)
        if policy is None:
            raise UsageError(
                f"no policy file names the policy {series.policy!r}",
                next_step="check the name with `orchestrator status`, or bring the policy back",
            )
        return policy

    def channel_named(self, name: ChannelName) -> Channel | None:
        """Return a channel of the policies in force, or the fallback, or None."""
        if self.fallback is not None and self.fallback.name == name:
            return self.fallback
        return self.desired.channels.get(name)

    def new_run_id(self) -> RunId:
        """Return an identifier for a run that starts now."""
        return RunId(format_identifier(self.clock.now(), self.machine.random_hex(6)))

    def log_entry(
        self,
        action: LogAction,
        subject: str,
        outcome: LogOutcome,
        detail: Mapping[str, str] | None = None,
    ) -> LogEntry:
        """Return a log entry by us, now."""
        return LogEntry(
            at=self.clock.now(),
            actor=self.machine.whoami(),
            action=action,
            subject=subject,
            outcome=outcome,
            detail=detail or {},
        )
