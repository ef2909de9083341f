"""A run that died after its backup was complete has not failed, as far as pruning is concerned."""

from dataclasses import replace

import pytest

from orchestrator.execution.prune.look import look_around, view_series
from orchestrator.model.run import RunState
from orchestrator.ports.history import SeriesHistory
from tests.unit.execution.pruning_world import PruningWorld
from tests.unit.execution.world import SERIES, Killed


def die_in_the_call_after(call: str, world: PruningWorld) -> None:
    """Make a pass whose process is dead from the first call on that follows another."""
    seen: set[str] = set()

    def before(name: str) -> None:
        if call in seen:
            raise Killed
        seen.add(name)

    with pytest.raises(Killed):
        world.do_pass(before)
    world.kill_all()


def test_what_a_killed_run_had_completed_lets_the_next_pass_prune():
    world = PruningWorld()
    world.live(5)
    oldest = min(world.ids)
    die_in_the_call_after("record_backup", world)
    assert oldest in world.ids
    world.do_pass()
    last = world.catalog.runs(SERIES)[-1]
    assert (last.state, last.backup) == (RunState.INTERRUPTED, max(world.ids))
    assert oldest not in world.ids
    assert world.do_pass().plan.actions == ()
    world.assert_sound()


@pytest.mark.parametrize("state", [RunState.INTERRUPTED, RunState.FAILED])
@pytest.mark.parametrize("has_backup", [True, False])
def test_only_an_interruption_behind_a_complete_backup_is_no_failure(
    state: RunState, *, has_backup: bool
):
    world = PruningWorld()
    world.live(1)
    (run,) = world.catalog.runs(SERIES)
    ended = replace(run, state=state, backup=run.backup if has_backup else None)
    view = view_series(
        world.desired.policies[SERIES.policy],
        SERIES,
        look_around(world.catalog, world.clock.time),
        backups=world.backups,
        history=SeriesHistory(failures=(ended,)),
    )
    is_failure = state is RunState.FAILED or not has_backup
    assert view.latest_failure == (ended if is_failure else None)
