"""A run whose successor ended its sessions says that it was succeeded, not that the server is away."""

from datetime import timedelta

from orchestrator.errors import SourceUnreachableError
from orchestrator.execution.executor import execute
from orchestrator.model.actions import TakeBackup
from orchestrator.model.outcome import Failed, Outcome
from tests.unit.execution.world import World, a_backup_action, by_hand

LEASE = timedelta(seconds=60)


def back_up_until_the_connection_breaks(world: World, *, taken_over: bool) -> Outcome:
    """Take a backup whose connection breaks, perhaps because another run took the series over."""

    def before(call: str) -> None:
        if call not in {"dump_schema", "open_snapshot"}:
            return
        if taken_over:
            world.wait(2 * LEASE)
            execute(by_hand(), world.process())
        raise SourceUnreachableError("the connection broke", next_step="start the server")

    return execute(a_backup_action(), world.process(before))


def code_of(outcome: Outcome) -> str:
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.action, TakeBackup)
    return outcome.error.code


def test_a_connection_that_the_successor_ended_is_a_lost_lease():
    outcome = back_up_until_the_connection_breaks(World(), taken_over=True)
    assert code_of(outcome) == "ORC-702"


def test_a_connection_that_broke_while_nobody_took_over_is_just_that_however_late():
    world = World()

    def before(call: str) -> None:
        if call == "open_snapshot":
            world.wait(2 * LEASE)
            raise SourceUnreachableError("the connection broke", next_step="start the server")

    assert code_of(execute(a_backup_action(), world.process(before))) == "ORC-201"


def test_a_connection_that_broke_by_itself_is_just_that():
    outcome = back_up_until_the_connection_breaks(World(), taken_over=False)
    assert code_of(outcome) == "ORC-201"
