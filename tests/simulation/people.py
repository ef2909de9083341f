"""What people do in between: hold, release, acknowledge, pause, resume, back up by hand."""

from datetime import timedelta
from typing import Any

from orchestrator.errors import OrchestratorError
from orchestrator.execution.context import Execution
from orchestrator.execution.marks.mark_backup import (
    acknowledge_backup,
    hold_backup,
    release_backup,
)
from orchestrator.model.actions import TakeBackup
from orchestrator.model.backup import Backup, RunReason, Trigger
from orchestrator.model.names import PolicyName
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.model.timeline import Pause
from orchestrator.reconciler.carry_out import carry_out
from orchestrator.reconciler.passes import note_missed
from tests.simulation.processes import Process

REASON = "the story says so"


def _at_work(story: Any, what: str) -> Execution:  # noqa: ANN401 - a Story
    process = Process(story.world)
    story.world.say(f"somebody {what} (process {process.number})")
    return process.execution()


def acknowledge(story: Any) -> None:  # noqa: ANN401 - a Story
    """Somebody looks at all that is suspicious."""
    for backup in list_suspicious(story):
        execution = _at_work(story, f"acknowledges {backup.id}")
        acknowledge_backup(backup, reason=REASON, execution=execution)
        story.fences.unacknowledged.discard(backup.series)


def list_suspicious(story: Any) -> list[Backup]:  # noqa: ANN401 - a Story
    return [
        backup
        for backup in story.world.catalog.backups()
        if backup.is_suspicious and str(backup.series.policy) in story.world.specs
    ]


def acknowledge_rebuild(story: Any) -> None:  # noqa: ANN401 - a Story
    """Somebody has looked at what a rebuild found of one series."""
    backup = story.chance.choice(list_rebuilt(story))
    execution = _at_work(story, f"acknowledges the rebuilt {backup.series}")
    acknowledge_backup(backup, reason=REASON, execution=execution)
    story.fences.unacknowledged.discard(backup.series)


def list_rebuilt(story: Any) -> list[Backup]:  # noqa: ANN401 - a Story
    waiting = story.fences.unacknowledged
    return [backup for backup in story.world.catalog.backups() if backup.series in waiting]


def hold(story: Any) -> None:  # noqa: ANN401 - a Story
    """Somebody holds a backup for some days or for ever, or releases one."""
    backup = story.chance.choice(story.world.catalog.backups())
    if backup.holds:
        release_backup(backup, _at_work(story, f"releases {backup.id}"))
        return
    days = story.chance.choice([None, 3, 100])
    until = None if days is None else story.world.time + timedelta(days=days)
    execution = _at_work(story, f"holds {backup.id}")
    try:
        hold_backup(backup, reason=REASON, until=until, execution=execution)
    except OrchestratorError as error:
        story.world.say(f"the hold is refused: {error.what}")


def has_backups(story: Any) -> bool:  # noqa: ANN401 - a Story
    return any(
        backup
        for backup in story.world.catalog.backups()
        if str(backup.series.policy) in story.world.specs
    )


def pause(story: Any) -> None:  # noqa: ANN401 - a Story
    """Somebody pauses a policy, or resumes it."""
    name = PolicyName(story.chance.choice(sorted(story.world.specs)))
    execution = _at_work(story, f"pauses or resumes {name}")
    entry = execution.log_entry(LogAction.PAUSE, name, LogOutcome.SUCCEEDED)
    if execution.writer.record_resumed(name, entry):
        return
    now = story.world.now()
    until = now + timedelta(hours=story.chance.choice([2, 30, 300]))
    by = execution.machine.whoami()
    execution.writer.record_pause(Pause(policy=name, since=now, until=until, by=by), entry)


def back_up(story: Any) -> None:  # noqa: ANN401 - a Story
    """Somebody takes a backup by hand; it may fail like any other."""
    spec = story.world.specs[story.chance.choice(sorted(story.world.specs))]
    policy = spec.policy()
    process = Process(story.world)
    with story.world.process_runs(process):
        execution = process.execution()
        story.world.say(f"somebody backs {spec.name} up (process {process.number})")
        try:
            note_missed(execution)
        except OrchestratorError:
            return
        action = TakeBackup(
            series=policy.series[0],
            run_reason=RunReason(trigger=Trigger.MANUAL),
            destinations=policy.destinations,
            verify_to=policy.after_backup,
            reason=REASON,
        )
        carry_out([action], execution)
