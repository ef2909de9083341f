"""What happens to the world between passes, besides what its processes meet with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from orchestrator.model.names import ObjectKey
from tests.simulation import holding, people
from tests.simulation.channels import BREAKS, REFUSES
from tests.simulation.world import Harm, World
from tests.support.in_memory_engine import table_name

TABLES = (table_name("public.clients"), table_name("public.notes"))

Possible = Callable[[Any], bool]


@dataclass(frozen=True)
class Happening:
    """Something that may happen; both functions take the story."""

    weight: int
    is_possible: Possible
    happen: Callable[[Any], None]


def grow(world: World, database: str, rows: int) -> None:
    """Rows are added, and one is changed."""
    tables = world.server.databases[database].tables
    for name in TABLES:
        lines = tables.setdefault(name, [])
        for _ in range(rows):
            lines.append(
                b"%d\t%s %08x" % (len(lines), name.name.encode(), world.chance.getrandbits(32))
            )
        while len(lines) > 24:
            del lines[0]
    if rows and tables[TABLES[0]]:
        tables[TABLES[0]][-1] = b"changed %08x" % world.chance.getrandbits(32)


def _lose_rows(story: Any) -> None:  # noqa: ANN401 - a Story
    world = story.world
    database = story.chance.choice(sorted(world.server.databases))
    world.server.databases[database].tables[TABLES[1]].clear()
    world.say(f"the rows of {TABLES[1]} of {database} are gone")


def _break_source(story: Any) -> None:  # noqa: ANN401 - a Story
    database = story.chance.choice(sorted(story.world.server.databases))
    story.world.broken.add(database)
    story.world.say(f"the server of {database} is broken")


def _slow_source(story: Any) -> None:  # noqa: ANN401 - a Story
    database = story.chance.choice(sorted(story.world.server.databases))
    story.world.slow[database] = timedelta(minutes=story.chance.choice([3, 55, 400]))
    story.world.say(f"the server of {database} is slow")


def _take_away(story: Any) -> None:  # noqa: ANN401 - a Story
    world = story.world
    place = story.chance.choice(sorted(world.places))
    is_known = world.catalog.destination_marker(place) is not None
    away = story.chance.choice([world.down, world.unmounted]) if is_known else world.down
    away.add(place)
    world.say(f"{place} is {'down' if away is world.down else 'not mounted'}")


def _silence(story: Any) -> None:  # noqa: ANN401 - a Story
    """A channel takes nothing, or is slow."""
    world, name = story.world, story.chance.choice(["ops", "pager"])
    if story.chance.random() < 0.3:
        world.sluggish[name] = timedelta(seconds=story.chance.choice([2, 25]))
        world.say(f"the channel {name} is slow")
        return
    world.silent[name] = story.chance.choice([REFUSES, BREAKS])
    world.say(f"the channel {name} takes nothing")


def _fill(story: Any) -> None:  # noqa: ANN401 - a Story
    place = story.world.places[story.chance.choice(sorted(story.world.places))]
    stored = sum(len(data) for data in place._objects.values())
    place._capacity = stored + story.chance.randrange(1, 20_000)
    story.world.say(f"{place.name} is nearly full")


def _put_right(story: Any) -> None:  # noqa: ANN401 - a Story
    world = story.world
    world.put_right()
    world.say("what was broken, full, slow or away is put right")


def _damage(story: Any) -> None:  # noqa: ANN401 - a Story
    """An object at rest is lost, or one bit of it is another: often a chunk, or a manifest."""
    place = story.chance.choice(sorted(story.world.places))
    keys = sorted(key for key in story.world.objects(place) if "/" in key)
    part = story.chance.choice(["/chunks/", "/chunks/", "/manifest.json", "/"])
    wanted = [key for key in keys if part in key]
    _harm(story, place, story.chance.choice(wanted or keys))


def _damage_leavings(story: Any) -> None:  # noqa: ANN401 - a Story
    """Something of a backup that a dead run published and nobody adopted yet is lost."""
    for place, key in _list_unadopted(story):
        manifest = story.copies.manifest_at(place, key)
        if manifest is not None:
            stored = story.chance.choice(manifest["objects"])
            if stored["key"] in story.world.objects(place):
                _harm(story, place, stored["key"])


def _list_unadopted(story: Any) -> list[tuple[str, ObjectKey]]:  # noqa: ANN401 - a Story
    listed = {str(backup.id) for backup in story.world.catalog.backups()}
    return [
        (place, key)
        for place in sorted(story.world.places)
        for key in sorted(story.world.objects(place))
        if key.endswith("/manifest.json") and key.split("/")[-2] not in listed
    ]


def _harm(story: Any, place: str, key: ObjectKey) -> None:  # noqa: ANN401 - a Story
    objects, world = story.world.objects(place), story.world
    is_lost = story.chance.random() < 0.5 or not objects[key]
    if is_lost:
        del objects[key]
    else:
        data = bytearray(objects[key])
        data[story.chance.randrange(len(data))] ^= 1 << story.chance.randrange(8)
        objects[key] = bytes(data)
    world.harm[place, key] = Harm(world.time, is_lost)
    world.harmed.add((place, key))
    world.say(f"{key} at {place} {'is lost' if is_lost else 'rots'}")


def _jump(story: Any) -> None:  # noqa: ANN401 - a Story
    world = story.world
    was = world.time
    world.time += story.chance.choice([-1, 1]) * timedelta(
        minutes=story.chance.choice([3, 70, 1500])
    )
    world.skew += world.time - was
    world.clock_jumped = True
    world.clock_went_back = world.clock_went_back or world.time < was
    story.slots.doubt(was, world.time)
    world.say(f"the clock jumps from {was:%Y-%m-%dT%H:%M:%SZ}")


def _add_policy(story: Any) -> None:  # noqa: ANN401 - a Story
    name = f"policy-{len(story.world.specs) + story.chance.randrange(3)}"
    if name not in story.world.specs:
        story.add_policy(name)
        story.world.say(f"the policy {name} is there")


def _remove_policy(story: Any) -> None:  # noqa: ANN401 - a Story
    name = story.chance.choice(sorted(story.world.specs))
    del story.world.specs[name]
    story.slots.declare()
    story.world.say(f"the policy {name} is gone")


def _edit(story: Any) -> None:  # noqa: ANN401 - a Story
    story.edit(story.chance.choice(sorted(story.world.specs)))


def _always(_: Any) -> bool:  # noqa: ANN401 - a Story
    return True


def _something_is_stored(story: Any) -> bool:  # noqa: ANN401 - a Story
    return all(
        any("/" in key for key in story.world.objects(place)) for place in story.world.places
    )


HAPPENINGS = (
    Happening(6, lambda story: bool(people.list_suspicious(story)), people.acknowledge),
    Happening(9, lambda story: bool(people.list_rebuilt(story)), people.acknowledge_rebuild),
    Happening(3, people.has_backups, people.hold),
    Happening(9, lambda story: bool(holding.list_going(story)), holding.hold_what_goes),
    Happening(4, lambda story: bool(holding.list_held(story)), holding.put_older_catalog_back),
    Happening(2, _always, people.pause),
    Happening(2, _always, people.back_up),
    Happening(3, _always, _lose_rows),
    Happening(4, _always, _break_source),
    Happening(3, _always, _slow_source),
    Happening(4, _always, _take_away),
    Happening(4, _always, _silence),
    Happening(2, _always, _fill),
    Happening(8, _always, _put_right),
    Happening(8, _something_is_stored, _damage),
    Happening(20, lambda story: bool(_list_unadopted(story)), _damage_leavings),
    Happening(2, lambda story: story.tally.steps > 3, _jump),
    Happening(2, lambda story: len(story.world.specs) < 4, _add_policy),
    Happening(1, lambda story: len(story.world.specs) > 1, _remove_policy),
    Happening(5, _always, _edit),
)
