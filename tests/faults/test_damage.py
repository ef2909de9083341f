"""Every bit flipped, cut or removed in what is stored is found (done-when 4 of the main job)."""

import os
import random
from pathlib import Path

import pytest

from tests.support.command_line import Workplace
from tests.support.postgres import Database

ROUNDS = int(os.environ.get("ORCHESTRATOR_DAMAGE_ROUNDS", "24"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))


@pytest.fixture
def workplace(tmp_path: Path, practice_database: Database) -> Workplace:
    place = Workplace(tmp_path, practice_database.url)
    place.run("apply")
    return place


def flip_one_bit(path: Path, chance: random.Random) -> str:
    data = bytearray(path.read_bytes())
    position = chance.randrange(len(data) * 8)
    data[position // 8] ^= 1 << (position % 8)
    path.write_bytes(bytes(data))
    return f"bit {position} of {path.name} flipped"


def cut(path: Path, chance: random.Random) -> str:
    data = path.read_bytes()
    kept = chance.randrange(len(data))
    path.write_bytes(data[:kept])
    return f"{path.name} cut to {kept} of {len(data)} bytes"


def remove(path: Path, _: random.Random) -> str:
    path.unlink()
    return f"{path.name} removed"


def test_damage_anywhere_is_found(workplace: Workplace) -> None:
    chance = random.Random(SEED)
    files = workplace.stored_files()
    for number in range(ROUNDS):
        damage = (flip_one_bit, cut, remove)[number % 3]
        victim = chance.choice(files)
        original = victim.read_bytes()
        what = damage(victim, chance)
        result = workplace.run("verify", "--level", "content", expect=None)
        assert result.code != 0, f"round {number}: {what} was not found\n{result.out}"
        victim.write_bytes(original)
    workplace.run("verify", "--level", "content")
