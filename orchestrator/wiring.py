"""The composition root: the only file that names concrete adapters."""

from collections.abc import Callable

from orchestrator.alerts.apprise_sender import AppriseSender
from orchestrator.catalog.open import open_catalog
from orchestrator.clock import SystemClock, SystemSleeper
from orchestrator.destinations.opening import Destinations
from orchestrator.engines.postgres.backup.source import PostgresSource
from orchestrator.engines.postgres.cluster import ThrowawayCluster
from orchestrator.engines.postgres.programs import embedded_programs
from orchestrator.engines.postgres.restore.target import PostgresTarget
from orchestrator.execution.context import Execution
from orchestrator.machine import ThisMachine
from orchestrator.model.policy import DesiredState
from orchestrator.policy.directory import PolicyDirectory
from orchestrator.ports.alerts import AlertSender
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.clock import Clock, Sleeper
from orchestrator.ports.machine import Machine
from orchestrator.ports.policies import PolicyFiles
from orchestrator.ports.progress import Progress
from orchestrator.settings import Settings


def system_clock() -> Clock:
    """Return the machine's clock."""
    return SystemClock()


def system_sleeper() -> Sleeper:
    """Return what lets the machine's time pass."""
    return SystemSleeper()


def policy_files(settings: Settings) -> PolicyFiles:
    """Return the policy files, to be read again whenever they change."""
    return PolicyDirectory(settings.policies, settings.environment)


def this_machine() -> Machine:
    """Return the machine that we run on."""
    return ThisMachine()


def alert_sender() -> AlertSender:
    """Return what reaches the channels."""
    return AppriseSender()


def open_reader(settings: Settings) -> CatalogReader:
    """Open the catalog for those who only read."""
    return open_catalog(settings.catalog_url.reveal())


def start_practice_server() -> ThrowawayCluster:
    """Return an embedded PostgreSQL server for the demo; it runs while its ``with`` block lasts.

    Raises:
        ClientProgramError: the `embedded` extra is not installed.
    """
    return ThrowawayCluster(embedded_programs(), listen_on_loopback=True)


def build_execution(settings: Settings, desired: DesiredState, progress: Progress) -> Execution:
    """Return everything that actions need, for the policies in force."""
    return open_executions(settings, progress)(desired)


def open_executions(settings: Settings, progress: Progress) -> Callable[[DesiredState], Execution]:
    """Open the catalog once, and return what makes an execution for whatever policies come."""
    clock = SystemClock()
    catalog = open_catalog(settings.catalog_url.reveal())
    return lambda desired: Execution(
        clock=clock,
        machine=ThisMachine(),
        reader=catalog,
        writer=catalog,
        leases=catalog,
        marks=catalog,
        destinations=Destinations(desired.destinations),
        source=PostgresSource(clock=clock, environment=settings.environment),
        target=PostgresTarget(environment=settings.environment),
        alerts=AppriseSender(),
        desired=desired,
        progress=progress,
    )
