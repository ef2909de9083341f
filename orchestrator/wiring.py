"""The composition root: the only file that names concrete adapters."""

from orchestrator.alerts.apprise_sender import AppriseSender
from orchestrator.catalog.open import open_catalog
from orchestrator.clock import SystemClock
from orchestrator.destinations.opening import Destinations
from orchestrator.engines.postgres.backup.source import PostgresSource
from orchestrator.engines.postgres.cluster import ThrowawayCluster
from orchestrator.engines.postgres.programs import embedded_programs
from orchestrator.engines.postgres.restore.target import PostgresTarget
from orchestrator.execution.context import Execution
from orchestrator.machine import ThisMachine
from orchestrator.model.policy import DesiredState
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.clock import Clock
from orchestrator.ports.machine import Machine
from orchestrator.ports.progress import Progress
from orchestrator.settings import Settings


def system_clock() -> Clock:
    """Return the machine's clock."""
    return SystemClock()


def this_machine() -> Machine:
    """Return the machine that we run on."""
    return ThisMachine()


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
    clock = SystemClock()
    catalog = open_catalog(settings.catalog_url.reveal())
    return Execution(
        clock=clock,
        machine=ThisMachine(),
        reader=catalog,
        writer=catalog,
        leases=catalog,
        destinations=Destinations(desired.destinations),
        source=PostgresSource(clock=clock, environment=settings.environment),
        target=PostgresTarget(environment=settings.environment),
        alerts=AppriseSender(),
        desired=desired,
        progress=progress,
    )
