"""Worlds whose catalog was lost, or put back as it was earlier."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.execution.executor import execute
from orchestrator.execution.rebuild.rebuild_catalog import rebuild_catalog
from orchestrator.execution.rebuild.report import RebuildReport
from orchestrator.model.backup import Backup
from orchestrator.model.names import ObjectKey
from orchestrator.model.outcome import Succeeded
from tests.unit.execution.world import LOCAL, World, by_hand

PATH = "practice/app"


def take_backups(world: World, count: int) -> Sequence[Backup]:
    """Take so many backups by hand, each with a new row, and return them."""
    outcomes = []
    for _ in range(count):
        world.wait(timedelta(minutes=1))
        world.insert("public.Notes", b"%d\tnote" % world.processes)
        outcome = execute(by_hand(), world.process())
        assert isinstance(outcome, Succeeded), outcome
        assert outcome.backup is not None
        outcomes.append(outcome.backup)
    return outcomes


def a_world_with(backups: int) -> World:
    world = World()
    take_backups(world, backups)
    return world


def an_older_catalog(world: World) -> MemoryCatalog:
    """What a copy of the catalog made now would be."""
    older = MemoryCatalog()
    for name, value in vars(world.catalog).items():
        if name != "_lock":
            setattr(older, name, copy.deepcopy(value))
    return older


def without_catalog(world: World) -> World:
    """The same places after the catalog was lost."""
    return replace(world, catalog=MemoryCatalog())


def rebuild(world: World) -> RebuildReport:
    return rebuild_catalog(LOCAL, world.process())


def facts(world: World) -> list[Backup]:
    """All that is known of every backup but how far its copies are proved."""
    return [replace(backup, copies=()) for backup in world.catalog.backups()]


def state_of(world: World) -> object:
    """Everything that a catalog says."""
    catalog = world.catalog
    return (
        list(catalog.backups()),
        list(catalog.log()),
        list(catalog.runs()),
        list(catalog.series_records()),
        catalog.destination_marker(LOCAL),
        catalog.rebuilt_series(),
        [catalog.marks(backup.id) for backup in catalog.backups()],
    )


def manifest_keys(world: World) -> list[ObjectKey]:
    return world.keys("manifest.json")
