"""Holds that come at the worst moment, and holds of which only the places know any more (F08, F74)."""

import json
from typing import Any

from sqlalchemy import delete

from orchestrator.catalog.memory import MemoryCatalog
from orchestrator.catalog.sql.tables import MARKS
from orchestrator.errors import OrchestratorError
from orchestrator.execution.marks.mark_backup import hold_backup
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.marks import Hold, Release
from orchestrator.model.names import BackupId, ObjectKey
from tests.simulation.processes import Process
from tests.simulation.world import World, moment


def hold_what_goes(story: Any) -> None:  # noqa: ANN401 - a Story
    """Somebody holds a backup whose removal has begun; it may be too late, and then he is told so."""
    backup = story.chance.choice(list_going(story))
    process = Process(story.world)
    story.world.say(
        f"somebody holds {backup.id}, whose removal has begun (process {process.number})"
    )
    with story.world.process_runs(process):
        try:
            hold_backup(backup, reason="wait", until=None, execution=process.execution())
        except OrchestratorError as error:
            story.world.say(f"the hold is refused: {error.what}")


def list_going(story: Any) -> list[Backup]:  # noqa: ANN401 - a Story
    return [
        backup
        for backup in story.world.catalog.backups()
        if any(copy.state is CopyState.PRUNING for copy in backup.copies)
    ]


# ---------------------------------------------------------------- an older catalog
def put_older_catalog_back(story: Any) -> None:  # noqa: ANN401 - a Story
    """The catalog is as it was before a backup was held; the mark lies where it was written."""
    world = story.world
    backup, hold = story.chance.choice(list_held(story))
    world.say(f"an older catalog is put back, which has not heard of the hold of {backup.id}")
    world.forgotten.add(backup.id)
    if isinstance(world.catalog, MemoryCatalog):
        del world.catalog._marks[backup.id][hold.name]
        return
    with world.catalog._transactions.writing() as connection:
        connection.execute(delete(MARKS).where(MARKS.c.name == hold.name))


def list_held(story: Any) -> list[tuple[Backup, Hold]]:  # noqa: ANN401 - a Story
    return [
        (backup, hold)
        for backup in story.world.catalog.backups()
        for hold in backup.holds
        if hold.is_in_force(story.world.time)
    ]


def find_hold(world: World, place: str, manifest: ObjectKey) -> str | None:
    """Return a mark that lies beside a manifest and holds its backup now.

    A catalog may not have heard of a hold, and a place that was away not of a release.
    """
    folder = f"{manifest.removesuffix('manifest.json')}marks/"
    objects = world.objects(place)
    marks = world.catalog.marks(BackupId(folder.split("/")[-3]))
    released = {f"hold-{mark.hold}.json" for mark in marks if isinstance(mark, Release)}
    for key in sorted(objects):
        name = key.removeprefix(folder)
        if name == key or not name.startswith("hold-") or (place, key) in world.harmed:
            continue
        until = json.loads(objects[key])["until"]
        release = f"{folder}release-{name.removeprefix('hold-')}"
        is_released = name in released or release in objects
        if not is_released and (until is None or moment(until) > world.time):
            return key
    return None
