"""Taking one backup of one series, from lease to proof (design §6, §7, §8).

Order: lease → still due? → run → destinations → intent → snapshot → chunks → schema, globals,
details → everything there? → snapshot still whole? → suspicious? → manifest → catalog → intent away
→ proof.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from orchestrator.archive.intent import Intent, Purpose, encode_intent
from orchestrator.archive.layout import intent_key
from orchestrator.execution.attach_destination import attach_destination
from orchestrator.execution.backup.chunk_store import ChunkStore, named_chunks
from orchestrator.execution.backup.judge_backup import (
    judge_backup,
    say_suspicion,
    suspicion_of,
)
from orchestrator.execution.backup.publish_backup import publish, store_parts
from orchestrator.execution.backup.read_snapshot import read_snapshot
from orchestrator.execution.backup.record_run import Attempt, recorded_run
from orchestrator.execution.backup.settle_path import settle_path
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.adopt_backups import FoundManifest
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.execution.lease.intents import remove_intent
from orchestrator.execution.lease.older_catalog import find_newer, sequence_of, warn_of_newer
from orchestrator.execution.lease.strangers import Stranger, note_strangers
from orchestrator.execution.verification.verify_copy import prove_copy
from orchestrator.model.actions import TakeBackup
from orchestrator.model.backup import Backup, CopyState, Trigger
from orchestrator.model.contents import WITHOUT_ROWS, Details, SourceContents
from orchestrator.model.incident import UncoveredTables
from orchestrator.model.manifest import Manifest
from orchestrator.model.outcome import NotNeeded, Succeeded
from orchestrator.model.policy import OnUncovered, Policy
from orchestrator.planning.due import answered_until, last_good
from orchestrator.planning.phrases import say_size
from orchestrator.ports.catalog import SeriesRecord
from orchestrator.ports.destination import Destination
from orchestrator.ports.engine import SnapshotRequest


def take_backup(action: TakeBackup, execution: Execution) -> Succeeded | NotNeeded:
    """Take, store and prove a backup, unless somebody did by the time the lease is ours.

    Whatever fails, the run is closed with the cause and nothing half is listed; what was stored
    without a manifest is no backup.

    Raises:
        OrchestratorError: the cause, after the run was closed with it.
    """
    policy = execution.policy_of(action.series)
    with hold_lease(action.series, execution.new_run_id(), execution) as held:
        answer = _answer(action, execution)
        if answer.by is not None:
            return NotNeeded(action=action, summary=f"{answer.by.id} answers this already")
        with recorded_run(answer.still_due, held, execution) as attempt:
            return _back_up(attempt, policy)


_NEVER_UNNECESSARY = frozenset({Trigger.MANUAL, Trigger.BEFORE_RESTORE})


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is still due under the lease, and the backup that makes all of it unnecessary, or None."""

    still_due: TakeBackup
    by: Backup | None = None


def _answer(action: TakeBackup, execution: Execution) -> _Answer:
    """Look again at what a backup is due for: somebody may have taken one since the plan was made.

    A slot is answered by a complete backup that names it, or by one of its time or later.
    """
    reason = action.run_reason
    complete = [
        backup
        for backup in execution.reader.backups(action.series)
        if any(copy.state is CopyState.COMPLETE for copy in backup.copies)
    ]
    newest = last_good(complete, execution.clock.now())
    if reason.trigger in _NEVER_UNNECESSARY or newest is None:
        return _Answer(action)
    answered = {slot for backup in complete for slot in backup.reason.slots}
    until = answered_until(newest)
    due = tuple(slot for slot in reason.slots if slot.at > until and slot not in answered)
    # A first backup is due for no slot: any complete one answers it.
    still_due = replace(action, run_reason=replace(reason, slots=due))
    return _Answer(still_due, by=None if due else newest)


def _back_up(attempt: Attempt, policy: Policy) -> Succeeded:
    execution, action = attempt.execution, attempt.action
    destinations = [attach_destination(name, execution) for name in action.destinations]
    path = settle_path(action.series, execution)
    attempt.newer = _find_newer(attempt, destinations)
    execution.writer.record_series(
        SeriesRecord(series=action.series, path=path, blocks_per_chunk={})
    )
    newer = attempt.newer and warn_of_newer(attempt.newer, action.series, execution)
    with _intents(attempt, path, destinations):
        backup, warnings = _read_and_publish(attempt, policy, path, destinations)
    return Succeeded(
        action=action,
        summary=_summary(backup),
        backup=backup,
        verifications=tuple(
            prove_copy(backup, name, action.verify_to, execution) for name in action.destinations
        ),
        warnings=(*warnings, newer) if newer else warnings,
    )


def _find_newer(attempt: Attempt, destinations: Sequence[Destination]) -> FoundManifest | None:
    """Return the newest backup that another catalog wrote of the series, at any destination."""
    series, execution = attempt.run.series, attempt.execution
    found = (find_newer(series, destination, execution) for destination in destinations)
    newer = max(filter(None, found), key=sequence_of, default=None)
    if newer is not None:
        stranger = Stranger(newer.backup, newer.destination.name, "another catalog wrote it")
        note_strangers(series, [stranger], execution)
    return newer


def _read_and_publish(
    attempt: Attempt, policy: Policy, path: str, destinations: Sequence[Destination]
) -> tuple[Backup, tuple[str, ...]]:
    unpublished = _read(attempt, policy, path, destinations)
    # The sessions are closed by now: nothing of the database is needed after the last check.
    judgement = judge_backup(unpublished.details, policy, attempt.run.series, attempt.execution)
    suspicion = suspicion_of(judgement, at=attempt.execution.clock.now())
    backup = publish(unpublished.manifest, attempt, destinations, suspicion)
    _note_uncovered(backup, unpublished.contents, attempt.execution)
    return backup, (
        *say_suspicion(backup),
        *judgement.notes,
        *_warnings(unpublished.contents, policy),
    )


def _note_uncovered(backup: Backup, contents: SourceContents, execution: Execution) -> None:
    """Remember which tables no pattern names, for whoever is told of them."""
    names = tuple(sorted(map(str, contents.uncovered)))
    execution.writer.record_uncovered(
        UncoveredTables(series=backup.series, tables=names, since=backup.snapshot_at)
    )


@dataclass(frozen=True, slots=True)
class _Unpublished:
    """A backup whose objects are all there, but for the manifest."""

    manifest: Manifest
    details: Details
    contents: SourceContents


def _read(
    attempt: Attempt, policy: Policy, path: str, destinations: Sequence[Destination]
) -> _Unpublished:
    execution = attempt.execution
    with execution.source.open_snapshot(_request(attempt, policy)) as snapshot:
        contents = snapshot.contents
        attempt.server_ahead = contents.server_ahead
        alignment = {str(table.name): table.blocks_per_chunk for table in contents.tables}
        execution.writer.record_series(
            SeriesRecord(series=attempt.run.series, path=path, blocks_per_chunk=alignment)
        )
        stores = _chunk_stores(attempt, path, destinations)
        read = read_snapshot(snapshot, policy, path=path, stores=stores, execution=execution)
        manifest = store_parts(read, attempt, path=path, destinations=destinations)
        snapshot.check()
    return _Unpublished(manifest, read.details, contents)


def _request(attempt: Attempt, policy: Policy) -> SnapshotRequest:
    series = attempt.run.series
    alignment = next(
        record.blocks_per_chunk
        for record in attempt.execution.reader.series_records()
        if record.series == series
    )
    return SnapshotRequest(
        run=attempt.run.id,
        source=policy.source,
        database=series.database,
        selection=policy.tables,
        workers=attempt.execution.workers,
        blocks_per_chunk=alignment,
    )


def _chunk_stores(
    attempt: Attempt, path: str, destinations: Sequence[Destination]
) -> Sequence[ChunkStore]:
    backups = attempt.execution.reader.backups(attempt.run.series)
    return [
        ChunkStore(destination, path, named=named_chunks(backups, destination), held=attempt.held)
        for destination in destinations
    ]


@contextmanager
def _intents(attempt: Attempt, path: str, destinations: Sequence[Destination]) -> Iterator[None]:
    """Say at each destination that this series is being written, until the block ends."""
    execution, run = attempt.execution, attempt.run
    policy = execution.policy_of(run.series)
    intent = Intent(
        run=run.id,
        series=run.series,
        host=run.actor.host,
        process=run.actor.process,
        purpose=Purpose.WRITE,
        until=run.started_at + policy.source.max_duration,
    )
    key = intent_key(path, run.id)
    try:
        for destination in destinations:
            attempt.held.check()
            destination.create(key, encode_intent(intent))
        yield
    finally:
        for destination in destinations:
            remove_intent(run.id, destination, path)


def _summary(backup: Backup) -> str:
    return (
        f"{backup.id}: {backup.tables} tables, {backup.rows:,} rows,"
        f" {say_size(backup.new_bytes)} of {say_size(backup.stored_bytes)} new"
    )


def _warnings(contents: SourceContents, policy: Policy) -> tuple[str, ...]:
    """Return what the backup does not hold, or a restore may stumble over: shown, never silent."""
    # What the policy itself excludes would be said again with every backup: `show` says it.
    left_out = (f"left out: {item}" for item in contents.left_out if item.kind != WITHOUT_ROWS)
    if policy.tables.on_uncovered is OnUncovered.IGNORE:
        return (*contents.cautions, *left_out)
    uncovered = (
        f"table {name} is named by no pattern: not backed up" for name in contents.uncovered
    )
    return (*contents.cautions, *left_out, *uncovered)
