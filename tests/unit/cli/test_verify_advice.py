"""What `verify` advises after damage is what helps: another backup shares chunks, and nothing else."""

import pytest
from click.testing import CliRunner

from orchestrator.cli import verify_command
from orchestrator.execution.executor import execute
from orchestrator.model.names import ObjectKey
from tests.unit.execution.world import World, by_hand


def advice_after_damage_of(part: str, monkeypatch: pytest.MonkeyPatch) -> str:
    world = World()
    execute(by_hand(), world.process())
    for key in world.keys(part):
        damage(world, key)
    monkeypatch.setattr(verify_command, "load_or_refuse", lambda _: world.desired)
    monkeypatch.setattr(verify_command, "build_execution", lambda *_: world.process())
    answer = CliRunner().invoke(verify_command.command, [], standalone_mode=False)
    assert "DAMAGED" in answer.output
    return answer.output


def damage(world: World, key: ObjectKey) -> None:
    data = world.objects[key]
    world.place.remove(key)
    world.place.create(key, data[:-1])


def test_a_new_backup_stores_a_damaged_chunk_again(monkeypatch: pytest.MonkeyPatch):
    output = advice_after_damage_of("/chunks/", monkeypatch)
    assert "`orchestrator backup practice --database app` stores" in output
    assert "does not mend" not in output


@pytest.mark.parametrize("part", ["manifest.json", "details.json", "schema.dump", "globals.sql"])
def test_what_belongs_to_one_backup_is_not_said_to_be_mended(
    part: str, monkeypatch: pytest.MonkeyPatch
):
    output = advice_after_damage_of(part, monkeypatch)
    assert "a new backup does not mend this copy" in output
    assert "mends this" not in output
