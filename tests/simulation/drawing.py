"""Drawing policies from chance."""

import random
from datetime import timedelta

from orchestrator.model.verification import Level
from tests.simulation.timetable import Rhythm
from tests.simulation.world import Spec

ZONES = ["UTC", "Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
TIERS = [
    {"daily": "5d", "weekly": "3w", "monthly": "3mo"},
    {"hourly": "48h", "daily": "7d", "monthly": "1y", "yearly": "2y"},
    {"weekly": "6w"},
    {"daily": "30d", "yearly": "3y"},
]


def draw_rhythm(name: str, chance: random.Random) -> Rhythm:
    """A schedule: weekly or daily mostly, every six hours or every hour at times."""
    kind = chance.random()
    times = {
        "minute": chance.choice([0, 0, 15, 30, 59]),
        "catch_up": timedelta(hours=chance.choice([1, 3, 6, 12])),
        "grace": timedelta(minutes=chance.choice([10, 30, 120])),
    }
    if kind < 0.45:
        return Rhythm(
            name, hour=chance.choice([0, 1, 2, 3, 23]), weekday=chance.randrange(7), **times
        )
    if kind < 0.8:
        return Rhythm(name, hour=chance.choice([0, 1, 2, 2, 14]), **times)
    return Rhythm(name, step=chance.choice([6, 6, 12, 1]), **times)


def draw_tiers(chance: random.Random) -> dict[str, str]:
    return dict(chance.choice(TIERS))


def draw_policy(name: str, places: list[str], chance: random.Random) -> Spec:
    """A policy of one or two databases and schedules."""
    schedules = ["main", "extra"][: chance.choice([1, 1, 2])]
    return Spec(
        name=name,
        zone=chance.choice(ZONES),
        databases=[f"{name}-{number}" for number in range(chance.choice([1, 1, 1, 2]))],
        rhythms={one: draw_rhythm(one, chance) for one in schedules},
        tiers=draw_tiers(chance),
        min_keep=chance.choice([1, 2, 3]),
        prune_delay=timedelta(hours=chance.choice([0, 24, 72])),
        places=places[: chance.choice([1, 2])],
        level=chance.choice([Level.STORED, Level.OBJECTS, Level.OBJECTS, Level.CONTENT]),
        channels=draw_channels(chance),
    )


def draw_channels(chance: random.Random) -> dict[str, timedelta]:
    """One or two channels, each with how often it is reminded."""
    names = chance.choice([["ops"], ["ops", "pager"], ["ops", "pager"]])
    return {name: timedelta(hours=chance.choice([1, 12, 24])) for name in names}
