"""An error of the destination or the catalog at any call, once or for good (faults F20-F22)."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from orchestrator.archive.layout import parse_manifest_key
from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.destinations.memory import MemoryDestination
from orchestrator.errors import CatalogFullError, DestinationError, OrchestratorError
from orchestrator.execution.executor import execute
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.outcome import Failed, Outcome, Succeeded
from orchestrator.model.run import RunState
from orchestrator.model.verification import Level
from tests.unit.execution.world import LOCAL, SERIES, World, a_backup_action

EIO = DestinationError("input/output error", next_step="look at the disk")
FULL = CatalogFullError("the disk of the catalog is full", next_step="free some space")


def breaking(
    place: type, error: OrchestratorError, *, at: int, persistent: bool
) -> tuple[Callable[[str], None], list[int]]:
    """Something to call before each call: raises at the n-th call of one port; and the count."""
    count = [0]

    def before(name: str) -> None:
        if not hasattr(place, name):
            return
        count[0] += 1
        if count[0] == at or (persistent and count[0] > at):
            raise error

    return before, count


def assert_honest(outcome: Outcome, world: World) -> None:
    """What is called a success is one; what failed says so; nothing half is listed."""
    for backup in world.catalog.backups(SERIES):
        assert verify_copy(backup, LOCAL, Level.CONTENT, world.process()).passed
    if isinstance(outcome, Succeeded):
        assert len(world.catalog.backups(SERIES)) == 1
    else:
        assert isinstance(outcome, Failed)
        assert outcome.error.code in {EIO.code, FULL.code}


def assert_next_run_finishes(world: World) -> None:
    world.wait(timedelta(seconds=61))
    assert not isinstance(execute(a_backup_action(), world.process()), Failed)
    manifests = [key for key in world.objects if parse_manifest_key(key)]
    assert len(world.catalog.backups(SERIES)) == len(manifests) == 1
    assert world.catalog.leases() == []
    assert RunState.RUNNING not in {run.state for run in world.catalog.runs(SERIES)}


@pytest.mark.parametrize("persistent", [False, True], ids=["once", "for good"])
@pytest.mark.parametrize(
    ("place", "error"),
    [(MemoryDestination, EIO), (MemoryCatalog, FULL)],
    ids=["destination", "catalog"],
)
def test_an_error_at_any_call_lists_nothing_half_and_the_next_run_finishes(
    place: type, error: OrchestratorError, *, persistent: bool
):
    at, reached, failures = 0, True, 0
    while reached:
        at += 1
        world = World()
        before, count = breaking(place, error, at=at, persistent=persistent)
        outcome = execute(a_backup_action(), world.process(before, workers=1))
        failures += isinstance(outcome, Failed)
        reached = count[0] >= at
        assert_honest(outcome, world)
        assert_next_run_finishes(world)
    assert failures > 10
