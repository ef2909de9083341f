"""Somebody is told about a failure: what, since when, what is left, and what to type next."""

from datetime import timedelta

from orchestrator.errors import CatalogUnreachableError, Kind
from orchestrator.execution.deliver_alert import deliver_alert, next_command
from orchestrator.execution.executor import execute
from orchestrator.model.actions import VerifyCopy
from orchestrator.model.alert import DeliveryState
from orchestrator.model.names import BackupId
from orchestrator.model.outcome import Failed
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.verification import Level
from tests.support.builders import an_error_report
from tests.unit.execution.world import LOCAL, SERIES, World, a_backup_action, by_hand


def a_failure(kind: Kind = Kind.UNREACHABLE) -> Failed:
    return Failed(action=a_backup_action(), error=an_error_report(), kind=kind)


def test_an_alert_names_series_error_and_next_command_and_says_there_never_was_a_backup():
    world = World()
    (delivery,) = deliver_alert(a_failure(), world.process())
    assert delivery.state is DeliveryState.SENT
    (alert,) = world.inbox.received
    assert (alert.series, alert.error) == (SERIES, an_error_report())
    assert alert.last_good == "none: this series has never had a backup"
    assert alert.next_command == "orchestrator backup practice --database app"


def test_an_alert_says_how_old_and_how_well_proved_the_last_good_backup_is():
    world = World()
    execute(by_hand(), world.process())
    world.wait(timedelta(hours=4, minutes=1))
    deliver_alert(a_failure(), world.process())
    (backup,) = world.catalog.backups(SERIES)
    assert world.inbox.received[0].last_good == f"{backup.id}, 4 h old, verified to content"


def test_a_damaged_backup_is_no_last_good_one():
    world = World()
    execute(by_hand(), world.process())
    world.place.remove(world.keys("/chunks/")[0])
    (backup,) = world.catalog.backups(SERIES)
    action = VerifyCopy(
        series=SERIES, backup=backup.id, destination=LOCAL, level=Level.OBJECTS, reason="weekly"
    )
    outcome = execute(action, world.process())
    assert isinstance(outcome, Failed)
    deliver_alert(outcome, world.process())
    assert world.inbox.received[0].last_good == "none: no copy of its 1 backups is intact"


def test_a_series_that_is_locked_alerts_nobody():
    world = World()
    assert deliver_alert(a_failure(Kind.LOCKED), world.process()) == ()
    assert world.inbox.received == []


def test_a_run_that_was_asked_to_stop_alerts_nobody():
    world = World()
    execution = world.process()
    execution.interruption.request()
    outcome = execute(a_backup_action(), execution)
    assert isinstance(outcome, Failed)
    assert deliver_alert(outcome, execution) == ()


def test_a_dead_channel_is_logged_and_shown():
    world = World()
    world.inbox.dead = True
    (delivery,) = deliver_alert(a_failure(), world.process())
    assert delivery.state is DeliveryState.FAILED
    (entry,) = world.catalog.log()
    assert (entry.action, entry.outcome) == (LogAction.ALERT, LogOutcome.FAILED)
    assert entry.detail["answer"] == "503"


def test_an_alert_goes_out_even_when_the_catalog_cannot_be_read():
    world = World()

    def catalog_is_gone(name: str) -> None:
        if name in ("backups", "append_log"):
            raise CatalogUnreachableError("the disk is gone", next_step="bring it back")

    world.inbox.dead = True
    (delivery,) = deliver_alert(a_failure(), world.process(catalog_is_gone))
    assert delivery.state is DeliveryState.FAILED
    assert world.inbox.received[0].last_good == "unknown: the disk is gone"


def test_a_damaged_copy_is_answered_by_verifying_it_in_full():
    action = VerifyCopy(
        series=SERIES,
        backup=BackupId("20261122T020000Z-7f3a9c"),
        destination=LOCAL,
        level=Level.OBJECTS,
        reason="weekly",
    )
    command = "orchestrator verify 20261122T020000Z-7f3a9c --level content"
    assert next_command(action, Kind.FAILED) == command
    assert next_command(action, Kind.UNREACHABLE) == "orchestrator apply"
