"""Each event is told by a pass over what really causes it, and so is its end (design §9)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.catalog.direct_notes import NAME, FileNotes
from orchestrator.errors import CatalogFullError, DestinationUnreachableError
from orchestrator.execution.executor import execute
from orchestrator.execution.marks.mark_backup import acknowledge_backup
from orchestrator.execution.tell_without_catalog import tell_without_catalog
from orchestrator.model.actions import VerifyCopy
from orchestrator.model.alert import AlertKind
from orchestrator.model.policy import AlertRoute, Event
from orchestrator.model.run import LogAction
from orchestrator.model.verification import Level
from orchestrator.reconciler.passes import run_pass
from orchestrator.reconciler.telling import tell
from tests.support.builders import a_pause, an_entry_of
from tests.support.in_memory_engine import table_name
from tests.support.incident_history import a_route, in_force, routed
from tests.unit.execution.pruning_world import PruningWorld
from tests.unit.execution.world import LOCAL, NOW, SERIES, World

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OPENED, REMINDER, RECOVERED = AlertKind.OPENED, AlertKind.REMINDER, AlertKind.RECOVERED


@dataclass
class Told(World):
    """A world with one backup, whose channel hears of everything."""

    route: AlertRoute = field(default_factory=a_route)

    def __post_init__(self) -> None:
        self.desired = in_force(routed(self.route))
        self.a_pass()

    def a_pass(self, after: timedelta = timedelta()) -> list[tuple[Event, AlertKind]]:
        self.wait(after)
        before = len(self.inbox.received)
        run_pass(self.process())
        return [(one.cause.event, one.kind) for one in self.inbox.received[before:]]


def test_nothing_is_told_while_all_is_well():
    world = Told()
    assert [world.a_pass(after=DAY) for _ in range(3)] == [[], [], []]
    assert world.inbox.received == []


def test_damage_that_a_verification_finds_is_told_until_it_is_mended():
    world = Told()
    key = world.keys("/chunks/")[0]
    kept = world.objects[key]
    world.place.remove(key)
    (backup,) = world.catalog.backups(SERIES)
    action = VerifyCopy(
        series=SERIES, backup=backup.id, destination=LOCAL, level=Level.OBJECTS, reason="weekly"
    )
    execute(action, world.process())
    tell(world.process())
    (alert,) = world.inbox.received
    assert (alert.cause.event, alert.cause.subject) == (Event.CORRUPT, "destination local")
    proves = "orchestrator verify --all --level content --policy practice --database app"
    assert alert.next_command == proves
    assert alert.last_good[SERIES] == "none: no copy of its 1 backups is intact"
    world.objects[key] = kept
    execute(action, world.process())
    tell(world.process())
    assert world.inbox.received[-1].kind is RECOVERED


def test_rows_that_vanish_are_told_until_somebody_acknowledges():
    world = Told()
    world.server.databases["app"].tables[table_name("public.clients")].clear()
    assert world.a_pass(after=DAY) == [(Event.GUARD, OPENED)]
    assert world.a_pass() == []
    good, backup = world.catalog.backups(SERIES)
    alert = world.inbox.received[-1]
    assert "public.clients" in alert.error.what
    assert alert.last_good[SERIES].startswith(f"{good.id}, 24 h old")
    assert alert.next_command == f"orchestrator diff {good.id} {backup.id}"
    assert f"`orchestrator acknowledge {backup.id} --reason" in alert.error.next_step
    acknowledge_backup(backup, reason="we moved them", execution=world.process())
    assert world.a_pass() == [(Event.GUARD, RECOVERED)]


def test_a_pause_that_lasts_too_long_is_told():
    world = Told()
    pause = a_pause(NOW + 9 * DAY, since=NOW)
    world.catalog.record_pause(pause, an_entry_of(LogAction.PAUSE))
    assert world.a_pass(after=DAY) == []
    assert world.a_pass(after=HOUR) == [(Event.MISSED, OPENED)]
    assert world.inbox.received[-1].cause.subject == "practice/app"
    world.catalog.record_resumed(pause.policy, an_entry_of(LogAction.PAUSE))
    world.a_pass(after=HOUR)
    assert world.inbox.received[-1].kind is RECOVERED


def test_what_is_overdue_is_told_once_while_a_pause_begins_and_ends():
    """Neither ends it: no backup was taken."""
    world = Told()
    databases, world.server.databases = world.server.databases, {}
    pause = a_pause(NOW + 99 * DAY, since=NOW)
    world.catalog.record_pause(pause, an_entry_of(LogAction.PAUSE))
    assert world.a_pass(after=DAY + HOUR) == [(Event.MISSED, OPENED)]
    world.catalog.record_resumed(pause.policy, an_entry_of(LogAction.PAUSE))
    # The slot is past catching up on.
    assert world.a_pass(after=13 * HOUR) == []
    world.catalog.record_pause(pause, an_entry_of(LogAction.PAUSE))
    assert world.a_pass() == []
    world.catalog.record_resumed(pause.policy, an_entry_of(LogAction.PAUSE))
    world.server.databases = databases
    assert world.a_pass(after=10 * HOUR) == [(Event.MISSED, RECOVERED)]


def test_a_second_loss_is_told_while_the_first_one_waits_for_an_answer():
    world = Told()
    tables = world.server.databases["app"].tables
    tables[table_name("public.clients")].clear()
    assert world.a_pass(after=DAY) == [(Event.GUARD, OPENED)]
    (other, *_) = [name for name in tables if tables[name]]
    tables[other].clear()
    world.route = replace(world.route, remind_every=99 * DAY)
    world.desired = in_force(routed(world.route))
    assert world.a_pass(after=DAY) == [(Event.GUARD, REMINDER)]
    assert str(other) in world.inbox.received[-1].error.what
    assert world.a_pass(after=DAY) == []


def test_an_action_that_leaves_no_run_behind_is_told_until_it_succeeds():
    world = Told()
    policy = world.desired.policies[SERIES.policy]
    world.desired = in_force(replace(policy, after_backup=Level.CONTENT))

    def away(name: str) -> None:
        if name == "read":
            raise DestinationUnreachableError("destination 'local' is away", next_step="mount it")

    run_pass(world.process(away))
    (alert,) = world.inbox.received
    assert (alert.cause.event, alert.cause.subject) == (Event.FAILED, "destination local")
    run_pass(world.process(away))
    assert len(world.inbox.received) == 1, "a second pass changes nothing"
    assert world.a_pass() == [(Event.FAILED, RECOVERED)]
    assert world.catalog.setbacks() == []


def test_a_failure_is_not_over_while_the_next_attempt_is_under_way():
    world = Told()
    databases, world.server.databases = world.server.databases, {}
    assert world.a_pass(after=DAY) == [(Event.FAILED, OPENED)]
    world.server.databases = databases
    said: list[int] = []

    def meanwhile(name: str) -> None:
        if name == "open_snapshot":
            tell(world.process())
            said.append(len(world.inbox.received))

    run_pass(world.process(meanwhile))
    assert said == [1], "somebody who looks meanwhile has nothing to say"
    assert [alert.kind for alert in world.inbox.received] == [OPENED, RECOVERED]


def test_a_channel_that_takes_its_messages_again_is_told_at_once():
    world = Told()
    world.desired = in_force(routed(a_route("ops"), a_route("pager")))
    world.server.databases["app"].tables[table_name("public.clients")].clear()
    world.inbox.dead_channels = {"pager"}
    assert world.a_pass(after=DAY).count((Event.CHANNEL_FAILING, OPENED)) == 1
    world.inbox.dead_channels = set()
    assert world.a_pass() == [(Event.GUARD, OPENED), (Event.CHANNEL_FAILING, RECOVERED)]


def test_pruning_that_a_guard_refuses_is_told_until_it_is_allowed():
    world = PruningWorld()
    world.keep(daily="60d")
    route_to(world)
    world.live(30)
    assert world.inbox.received == []
    world.keep(daily="2d")
    route_to(world)
    world.do_pass()
    world.wait(3 * HOUR)
    world.do_pass()
    said = [(one.cause.event, one.kind) for one in world.inbox.received]
    assert said == [(Event.PRUNE_REFUSED, OPENED)]
    assert "--allow-prune" in world.inbox.received[0].error.what
    world.do_pass(allow_prune=100)
    assert world.inbox.received[-1].kind is RECOVERED
    assert len(world.inbox.received) == 2
    assert len(world.backups) < 30, "they are gone"


def route_to(world: PruningWorld) -> None:
    policy = world.desired.policies[SERIES.policy]
    world.desired = in_force(replace(policy, alerts=(a_route(),)))


# ------------------------------------------------------------------ digests
def test_a_digest_is_sent_once_for_its_slot_and_says_what_was_kept():
    world = Told(route=replace(a_route(), digest="0 8 * * *"))
    assert world.a_pass(after=5 * HOUR) == []
    assert world.a_pass(after=2 * HOUR) == [(Event.DIGEST, AlertKind.DIGEST)]
    assert world.a_pass(after=HOUR) == []
    digest = world.inbox.received[-1]
    facts = dict(digest.facts)
    assert facts["Promises kept"] == "1 of 1"
    assert facts["Backups"].startswith("1 taken since 2026-11-21T08:00Z")
    assert facts["Oldest restore point"] == "practice/app: 2026-11-22T02:00:05Z"
    assert (Event.DIGEST, AlertKind.DIGEST) in world.a_pass(after=23 * HOUR)


def test_a_digest_from_before_a_policy_was_applied_is_not_made_up_for():
    assert Told(route=replace(a_route(), digest="0 1 * * *")).inbox.received == []


# ------------------------------------------------------------------ without a catalog
def test_a_catalog_that_cannot_be_used_is_told_once_whatever_the_number_of_passes(tmp_path: Path):
    world, error = Told(), CatalogFullError("its disk is full", next_step="make space")

    def tell_directly(hours: int) -> int:
        at = world.clock.now() + hours * HOUR
        notes = FileNotes(tmp_path)
        return len(tell_without_catalog(error, world.desired, world.inbox, notes=notes, now=at))

    assert [tell_directly(hours) for hours in (0, 1, 5, 23, 25, 26)] == [1, 0, 0, 0, 1, 0]
    assert [alert.kind for alert in world.inbox.received] == [OPENED, REMINDER]
    assert (tmp_path / NAME).stat().st_size == 0
    FileNotes(tmp_path).forget()
    assert tell_directly(27) == 1


def test_a_direct_message_that_no_channel_took_is_not_remembered(tmp_path: Path):
    world, error = Told(), CatalogFullError("its disk is full", next_step="make space")
    notes = FileNotes(tmp_path)
    world.inbox.dead = True
    tell_without_catalog(error, world.desired, world.inbox, notes=notes, now=NOW)
    assert notes.told_at() is None


def test_a_catalog_that_can_be_used_again_is_told_through_the_outbox():
    world = Told()
    process = world.process()
    process.notes.note(world.clock.now())
    tell(process)
    (alert,) = world.inbox.received
    assert (alert.cause.subject, alert.kind) == ("the catalog", RECOVERED)
    assert process.notes.told_at() is None


def test_a_pass_that_cannot_be_recorded_is_told_once_until_one_can(tmp_path: Path):
    world = Told()

    def full(name: str) -> None:
        if name in ("record_run_started", "record_setback"):
            raise CatalogFullError("its disk is full", next_step="make space")

    def told_by_a_pass(before: Callable[[str], None] | None) -> list[AlertKind]:
        known = len(world.inbox.received)
        run_pass(replace(world.process(before), notes=FileNotes(tmp_path)))
        return [alert.kind for alert in world.inbox.received[known:]]

    world.wait(DAY)
    assert [told_by_a_pass(full) for _ in range(4)] == [[OPENED], [], [], []]
    assert told_by_a_pass(None) == [RECOVERED]


@pytest.mark.parametrize("folder", ["missing", "a file"])
def test_notes_that_cannot_be_written_are_remembered_by_the_process(tmp_path: Path, folder: str):
    (tmp_path / "a file").write_text("")
    notes = FileNotes(tmp_path / folder)
    notes.note(NOW)
    assert notes.told_at() == NOW
    assert FileNotes(tmp_path / folder).told_at() is None
