"""A catalog that cannot be used is told to the channels, although nothing could be recorded."""

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.cli.outcomes import print_deliveries
from orchestrator.errors import CatalogError
from orchestrator.execution.tell_without_catalog import tell_without_catalog
from orchestrator.model.policy import DesiredState
from orchestrator.settings import Settings
from orchestrator.wiring import alert_sender, direct_notes, system_clock


@contextmanager
def catalog_alarm(desired: DesiredState, settings: Settings) -> Iterator[None]:
    """Tell every channel of failures if the block ends because of the catalog; raise it again."""
    try:
        yield
    except CatalogError as error:
        print_deliveries(
            tell_without_catalog(
                error,
                desired,
                alert_sender(),
                notes=direct_notes(settings),
                now=system_clock().now(),
            )
        )
        raise
