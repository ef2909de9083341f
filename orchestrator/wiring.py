"""The composition root: the only file that names concrete adapters.

What opens connections to servers is imported when it is first asked for: `list`, `log` and `status`
need none of it, and start a fifth faster without (0.38 instead of 0.49 CPU seconds).
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.alerts.apprise_sender import AppriseSender
from orchestrator.alerts.form import AppriseInspector
from orchestrator.catalog.direct_notes import FileNotes
from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.catalog.open import SqlCatalog, open_catalog
from orchestrator.catalog.sql.migrating import NEWEST_REVISION
from orchestrator.clock import SystemClock, SystemSleeper
from orchestrator.destinations.local_directory import open_local_directory
from orchestrator.destinations.opening import Destinations
from orchestrator.execution.context import Execution
from orchestrator.execution.find_databases import recall_databases
from orchestrator.heartbeat.http_heartbeat import HttpHeartbeat
from orchestrator.machine import ThisMachine
from orchestrator.model.names import ChannelName, DestinationName
from orchestrator.model.policy import Channel, DesiredState
from orchestrator.model.secret import Secret
from orchestrator.policy.directory import PolicyDirectory
from orchestrator.ports.alerts import AlertSender
from orchestrator.ports.catalog import Catalog, CatalogReader
from orchestrator.ports.clock import Clock, Sleeper
from orchestrator.ports.destination import Destination
from orchestrator.ports.direct_notes import DirectNotes
from orchestrator.ports.engine import SchemaReader
from orchestrator.ports.machine import Machine
from orchestrator.ports.metrics import MetricsSink, NoMetrics
from orchestrator.ports.policies import PolicyFiles
from orchestrator.ports.preflight import (
    ChannelInspector,
    DatabaseLister,
    ServerClock,
    SourceInspector,
)
from orchestrator.ports.progress import Progress, SilentProgress
from orchestrator.ports.restoring.existing_database import ExistingEngine
from orchestrator.ports.restoring.swapping import Swapper
from orchestrator.ports.restoring.target_inspection import TargetInspector
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from orchestrator.engines.postgres.cluster import ThrowawayCluster
    from orchestrator.engines.postgres.preflight.inspector import PostgresInspector

FALLBACK = "ORCHESTRATOR_ALERT_URL"


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


def direct_notes(settings: Settings) -> DirectNotes:
    """Return what remembers that somebody was told without the catalog."""
    return FileNotes(settings.state)


def fallback_channel(settings: Settings) -> Channel | None:
    """Return the channel of the environment, which is told when no policy says whom to tell."""
    url = settings.environment.get(FALLBACK)
    if not url:
        return None
    return Channel(name=ChannelName(FALLBACK), url=Secret(url, f"${{env:{FALLBACK}}}"))


def _open_catalog(settings: Settings) -> SqlCatalog:
    from orchestrator.engines.postgres.children import forget_libpq_variables

    # A catalog on PostgreSQL is reached through libpq, too.
    forget_libpq_variables()
    return open_catalog(settings.catalog_url.reveal())


def describe_catalog(settings: Settings) -> str:
    """Open the catalog, if there is one already, and say where and in which form it is.

    Raises:
        CatalogError: it cannot be opened, or a newer version of this program wrote it.
    """
    if settings.catalog is None and not (settings.state / "catalog.sqlite3").exists():
        return f"there is none yet in {settings.state}; the first command that needs it makes it"
    _open_catalog(settings).close()
    return f"it opens, and has the newest form ({NEWEST_REVISION})"


def open_reader(settings: Settings) -> CatalogReader:
    """Open the catalog for those who only read."""
    return _open_catalog(settings)


def metrics_sink(path: Path | None) -> MetricsSink:
    """Return what writes figures to a file; without a path they go nowhere."""
    if path is None:
        return NoMetrics()
    from orchestrator.metrics.textfile import MetricsTextfile

    return MetricsTextfile(path)


def start_practice_server() -> "ThrowawayCluster":
    """Return an embedded PostgreSQL server for the demo; it runs while its ``with`` block lasts.

    Raises:
        ClientProgramError: the `embedded` extra is not installed.
    """
    from orchestrator.engines.postgres.cluster import ThrowawayCluster
    from orchestrator.engines.postgres.programs import embedded_programs

    return ThrowawayCluster(embedded_programs(), listen_on_loopback=True)


def database_lister(settings: Settings) -> DatabaseLister:
    """Return what says which databases a server has."""
    return source_inspector(settings)


def channel_inspector() -> ChannelInspector:
    """Return what looks at the form of alert channels."""
    return AppriseInspector()


def source_inspector(settings: Settings) -> SourceInspector:
    """Return what looks at servers, databases and client programs before they are needed."""
    return _postgres_inspector(settings)


def server_clock(settings: Settings) -> ServerClock:
    """Return what asks servers for the time."""
    return _postgres_inspector(settings)


def _postgres_inspector(settings: Settings) -> "PostgresInspector":
    from orchestrator.engines.postgres.preflight.inspector import PostgresInspector

    return PostgresInspector(clock=SystemClock(), environment=settings.environment)


def existing_engine(settings: Settings) -> ExistingEngine:
    """Return what replaces tables of databases that exist already."""
    from orchestrator.engines.postgres.restore.existing.database import PostgresExisting

    return PostgresExisting(environment=settings.environment)


def target_inspector(settings: Settings) -> TargetInspector:
    """Return what looks at a server before a restore."""
    from orchestrator.engines.postgres.restore.inspecting import PostgresTargetInspector

    return PostgresTargetInspector(environment=settings.environment)


def database_swapper(settings: Settings) -> Swapper:
    """Return what exchanges the names of databases."""
    from orchestrator.engines.postgres.restore.swap.swapping import PostgresSwapper

    return PostgresSwapper(environment=settings.environment)


def schema_reader() -> SchemaReader:
    """Return what puts schema archives into pieces that can be compared."""
    from orchestrator.engines.postgres.describing.schema_reader import PostgresSchemaReader

    return PostgresSchemaReader()


def safety_place(settings: Settings) -> Destination:
    """Return where copies lie of what a restore replaced in databases that no policy backs up."""
    return open_local_directory(DestinationName("safety"), settings.state / "safety")


def build_execution(settings: Settings, desired: DesiredState, progress: Progress) -> Execution:
    """Return everything that actions need, for the policies in force.

    Patterns stand for the databases that the catalog knows.

    Raises:
        CatalogError: the catalog cannot be opened or read.
    """
    execution = open_executions(settings, progress)(desired)
    return replace(execution, desired=recall_databases(desired, execution.reader))


def open_executions(settings: Settings, progress: Progress) -> Callable[[DesiredState], Execution]:
    """Open the catalog once, and return what makes an execution for whatever policies come.

    Making one reads nothing, so that one can be made while the catalog is away, too.

    Raises:
        CatalogError: the catalog cannot be opened.
    """
    return _executions(settings, progress, _open_catalog(settings))


def build_forgetful_execution(settings: Settings, desired: DesiredState) -> Execution:
    """Return an execution whose catalog is empty and gone with it, to look around without one."""
    return _executions(settings, SilentProgress(), MemoryCatalog())(desired)


def _executions(
    settings: Settings, progress: Progress, catalog: Catalog
) -> Callable[[DesiredState], Execution]:
    from orchestrator.engines.postgres.backup.source import PostgresSource
    from orchestrator.engines.postgres.restore.target import PostgresTarget

    clock, notes = SystemClock(), direct_notes(settings)
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
        heartbeat=HttpHeartbeat(),
        # One for all: where the state directory is gone, too, only this object remembers.
        notes=notes,
        fallback=fallback_channel(settings),
        servers=database_lister(settings),
    )
