"""What a run does about a backup that a guard finds suspicious (design §7; faults F41, F42)."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.archive.layout import parse_manifest_key
from orchestrator.archive.marks import decode_mark
from orchestrator.execution.executor import execute
from orchestrator.execution.marks.mark_backup import acknowledge_backup
from orchestrator.model.backup import Backup, RunReason, Trigger
from orchestrator.model.marks import Mark
from orchestrator.model.names import ObjectKey
from orchestrator.model.outcome import Succeeded
from orchestrator.model.policy import Guard
from orchestrator.model.run import LogAction
from tests.support.builders import a_desired_state, a_policy
from tests.support.in_memory_engine import table_name
from tests.unit.execution.world import SERIES, Fate, Killed, World, a_backup_action, by_hand


@pytest.fixture
def world() -> World:
    world = World()
    taken(world)
    return world


def taken(world: World) -> Succeeded:
    outcome = execute(by_hand(), world.process())
    assert isinstance(outcome, Succeeded), outcome
    return outcome


def newest(world: World) -> Backup:
    return world.catalog.backups(SERIES)[-1]


def lose_rows(world: World) -> None:
    world.server.databases["app"].tables[table_name("public.clients")].clear()


def stored_marks(world: World, backup: Backup) -> set[Mark]:
    return {
        decode_mark(world.objects[key], key=ObjectKey(key), path=backup.path, backup=backup.id)
        for key in world.keys(f"/{backup.id}/marks/")
    }


def test_a_first_backup_and_a_grown_one_are_not_suspicious(world: World):
    world.insert("public.clients", b"99\tone more")
    outcome = taken(world)
    assert outcome.warnings == ()
    assert not any(backup.is_suspicious for backup in world.catalog.backups(SERIES))
    assert world.keys("/marks/") == []


def test_a_backup_with_vanished_rows_is_taken_proved_and_marked_suspicious(world: World):
    lose_rows(world)
    outcome = taken(world)
    backup = newest(world)
    assert outcome.backup is not None
    assert outcome.backup.suspicion == backup.suspicion
    assert backup.suspicion is not None
    assert backup.is_suspicious
    assert outcome.verifications[0].passed
    assert any("emptied since" in warning for warning in outcome.warnings)
    assert f"orchestrator acknowledge {backup.id}" in outcome.warnings[-1]
    assert stored_marks(world, backup) == {backup.suspicion}
    entry = next(e for e in reversed(world.catalog.log()) if e.action is LogAction.STORE)
    assert "emptied since" in entry.detail["suspicious"]


def test_every_further_backup_is_compared_with_the_last_unsuspicious_one(world: World):
    lose_rows(world)
    for _ in range(2):
        taken(world)
        assert newest(world).is_suspicious


def test_after_an_acknowledgement_the_acknowledged_one_is_the_measure(world: World):
    lose_rows(world)
    taken(world)
    acknowledge_backup(newest(world), reason="a planned purge", execution=world.process())
    assert taken(world).warnings == ()
    assert not newest(world).is_suspicious


def test_a_safety_copy_of_what_was_lost_is_no_measure(world: World):
    guarded = replace(a_backup_action(), run_reason=RunReason(trigger=Trigger.BEFORE_RESTORE))
    lose_rows(world)
    saved = execute(guarded, world.process())
    assert isinstance(saved, Succeeded)
    assert saved.backup is not None
    acknowledge_backup(saved.backup, reason="it is why we restore", execution=world.process())
    assert any("emptied since" in warning for warning in taken(world).warnings)


def test_the_measure_is_what_was_taken_last_whatever_the_clock_said(world: World):
    world.clock.time += timedelta(days=400)
    taken(world)
    world.clock.time -= timedelta(days=400)
    lose_rows(world)
    purged = taken(world).backup
    assert purged is not None
    acknowledge_backup(purged, reason="a planned purge", execution=world.process())
    again = taken(world).backup
    assert again is not None
    assert not again.is_suspicious


def test_a_guard_of_the_policy_judges_a_first_backup():
    guard = Guard(table=table_name("public.clients"), min_rows=34)
    world = World(desired=a_desired_state(replace(a_policy(), guards=(guard,))))
    taken(world)
    assert newest(world).is_suspicious


def details_of(world: World, number: int) -> ObjectKey:
    return world.keys(f"/{world.catalog.backups(SERIES)[number].id}/details.json")[0]


def test_a_reference_that_cannot_be_read_is_said_and_an_older_one_is_taken(world: World):
    taken(world)
    world.objects[details_of(world, 1)] = b"{}"
    lose_rows(world)
    outcome = taken(world)
    assert "could not compare with" in " ".join(outcome.warnings)
    assert newest(world).is_suspicious


def test_without_any_readable_reference_the_totals_are_compared_and_that_is_said(world: World):
    del world.objects[details_of(world, 0)]
    quiet = taken(world)
    assert not newest(world).is_suspicious
    assert any("single tables" in warning for warning in quiet.warnings)
    for backup in world.catalog.backups(SERIES):
        del world.objects[world.keys(f"/{backup.id}/manifest.json")[0]]
    lose_rows(world)
    taken(world)
    assert newest(world).is_suspicious


def test_no_kill_between_mark_manifest_and_catalog_loses_the_suspicion():
    call, reached = 0, True
    while reached:
        call += 1
        world = World()
        taken(world)
        lose_rows(world)
        fate = Fate(dies_at=call)
        with suppress(Killed):
            execute(by_hand(), world.process(fate.step, workers=1))
        world.kill_all()
        reached = fate.is_dead
        execute(a_backup_action(), world.process())
        later = world.catalog.backups(SERIES)[1:]
        assert all(backup.is_suspicious for backup in later)
        manifests = [key for key in world.objects if parse_manifest_key(key)]
        assert len(manifests) == len(later) + 1
    assert call > 60


def test_an_unreadable_mark_makes_an_adopted_backup_suspicious(world: World):
    before = set(world.objects)
    lose_rows(world)
    fate = Fate()

    def die_at_the_catalog(name: str) -> None:
        if name == "record_backup":
            fate.dies_at = fate.calls + 1
        fate.step(name)

    with suppress(Killed):
        execute(by_hand(), world.process(die_at_the_catalog))
    world.kill_all()
    (mark,) = (key for key in set(world.objects) - before if "/marks/" in key)
    world.objects[mark] = b"{}"
    execute(a_backup_action(), world.process())
    adopted = world.catalog.backups(SERIES)[1]
    assert adopted.suspicion is not None
    assert "is damaged" in adopted.suspicion.reasons[0]
