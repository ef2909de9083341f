"""Worlds in which there is something to prune, and what must be true in them at any time."""

from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestrator.archive.layout import parse_manifest_key
from orchestrator.archive.manifest import decode_manifest
from orchestrator.errors import UnreadableManifestError
from orchestrator.execution.context import Execution
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import BackupId, ObjectKey
from orchestrator.model.outcome import Outcome
from orchestrator.model.verification import Level
from orchestrator.reconciler.passes import PassResult, run_pass
from tests.support.builders import a_desired_state, a_policy, a_retention, a_schedule
from tests.unit.execution.world import LOCAL, SERIES, World, table_name

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
DELAY = timedelta(hours=2)
KEPT_DAYS = 2


@dataclass
class PruningWorld(World):
    """Daily backups kept for two days, marked at once, pruned two hours later."""

    def __post_init__(self) -> None:
        retention = a_retention(daily=f"{KEPT_DAYS}d", min_keep=1, prune_delay=DELAY)
        policy = a_policy(schedules=[a_schedule()], retention=retention, after_backup=Level.OBJECTS)
        self.desired = a_desired_state(policy)

    def do_pass(
        self, before: Callable[[str], None] | None = None, *, allow_prune: int = 0
    ) -> PassResult:
        return run_pass(self.process(before, workers=1), allow_prune=allow_prune)

    def live(self, days: int) -> None:
        """Let days pass, with a pass at 02:00 of each; rows change every day."""
        for day in range(days):
            self.change_rows(f"{self.clock.time:%m%d} {day}")
            self.do_pass()
            self.wait(DAY)
            self.clock.time = self.clock.time.replace(hour=2, minute=0, second=5)

    def copy(self) -> "PruningWorld":
        """Another world that is now as this one, and goes its own way."""
        twin = PruningWorld()
        for name, value in vars(self.catalog).items():
            if name != "_lock":
                setattr(twin.catalog, name, deepcopy(value))
        twin.objects.update(self.objects)
        twin.server.databases = deepcopy(self.server.databases)
        twin.clock.time, twin.desired, twin.processes = (
            self.clock.time,
            self.desired,
            self.processes,
        )
        twin.gone, twin.seed = set(self.gone), deepcopy(self.seed)
        return twin

    def change_rows(self, text: str) -> None:
        """Make all rows of the last chunk of a table other ones."""
        rows = self.server.databases["app"].tables[table_name("public.Notes")]
        rows[:] = [f"{number}\t{text}".encode() for number in range(4)]

    def keep(self, **tiers: str) -> None:
        """Declare other tiers."""
        policy = self.desired.policies[SERIES.policy]
        retention = replace(
            a_retention(min_keep=1, prune_delay=policy.retention.prune_delay, **tiers)
        )
        self.desired = a_desired_state(replace(policy, retention=retention))

    # -------------------------------------------------------------- what is there
    @property
    def backups(self) -> list[Backup]:
        return list(self.catalog.backups(SERIES))

    @property
    def ids(self) -> set[BackupId]:
        return {backup.id for backup in self.backups}

    @property
    def manifests(self) -> set[BackupId]:
        return {parsed[1] for key in self.objects if (parsed := parse_manifest_key(key))}

    @property
    def named(self) -> set[ObjectKey]:
        return {
            stored.key
            for key, data in self.objects.items()
            if parse_manifest_key(key)
            for stored in decode_manifest(data).objects
        }

    @property
    def orphans(self) -> list[ObjectKey]:
        """What nothing names: chunks, and what lies in the folder of no backup."""
        folders = [f"/backups/{backup}/" for backup in self.manifests]
        return sorted(
            key
            for key in self.objects
            if key not in self.named
            and ("/chunks/" in key or "/backups/" in key or "/intents/" in key)
            and (".wrong-" in key or not any(folder in key for folder in folders))
        )

    @property
    def orphans_of_chunks(self) -> list[ObjectKey]:
        """Chunks that no readable manifest names."""
        named: set[ObjectKey] = set()
        for key, data in self.objects.items():
            if parse_manifest_key(key):
                with suppress(UnreadableManifestError):
                    named |= {stored.key for stored in decode_manifest(data).objects}
        return [key for key in self.keys("/chunks/") if key not in named]

    def assert_sound(self) -> None:
        """What must be true at any time: nothing named is missing, every complete copy is whole."""
        assert self.named <= self.objects.keys()
        execution: Execution = self.process()
        for backup in self.backups:
            if backup.copies[0].state is CopyState.COMPLETE:
                assert verify_copy(backup, LOCAL, Level.CONTENT, execution).passed, backup.id


def kinds(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [type(outcome.action).__name__ for outcome in outcomes]


def at(world: World) -> datetime:
    return world.clock.time
