"""What became of every slot, and of every promise (I9, I10, I12), by the words of design §7."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from orchestrator.model.backup import Backup, CopyState, Slot, Trigger
from orchestrator.model.names import BackupId, PolicyName, RunId, ScheduleName, Series
from orchestrator.model.plan import Plan
from orchestrator.model.run import LogAction, LogOutcome, Run
from orchestrator.planning.promises import assess_promises
from orchestrator.reconciler.observe import observe
from tests.simulation.copies import require
from tests.simulation.processes import Process
from tests.simulation.timetable import Promise, Rhythm
from tests.simulation.world import Spec, World

LATE = timedelta(minutes=5)
FOREVER = datetime.max.replace(tzinfo=UTC)

Form = tuple[str, str, str, str]
"""Policy, schedule, cron text and zone: one form of one schedule."""


@dataclass
class SlotChecks:
    """The promises that were ever made, and which backups and runs answered them."""

    world: World
    promises: dict[Form, Promise] = field(default_factory=dict)
    lines: dict[tuple[Series, Form], Promise] = field(default_factory=dict)
    ever: dict[BackupId, Backup] = field(default_factory=dict)
    runs: dict[RunId, Run] = field(default_factory=dict)
    planned: dict[RunId, datetime] = field(default_factory=dict)
    """Since when a run may have been planned: when its step began."""
    doubtful: list[tuple[datetime, datetime]] = field(default_factory=list)
    """Stretches of time that a clock showed twice: nobody can say what their slots are worth."""

    def declare(self) -> None:
        """Take note of the policies as the files have them now; called at each edit."""
        forms = dict(self._forms())
        self.promises = {
            form: self.promises.get(form) or Promise(rhythm, ZoneInfo(spec.zone), self.world.time)
            for form, (spec, rhythm) in forms.items()
        }
        self.lines = {key: line for key, line in self.lines.items() if key[1] in self.promises}
        # Another catch_up or grace leaves the slots as they are.
        for form, promise in self.promises.items():
            promise.rhythm = forms[form][1]
        for (_, form), line in self.lines.items():
            line.rhythm = forms[form][1]

    def doubt(self, one: datetime, other: datetime) -> None:
        """A clock jumped between two times."""
        self.doubtful.append((min(one, other) - LATE, max(one, other) + LATE))

    def check(self, begun_at: datetime, plans: list[Plan]) -> None:
        """Look at what a step did, which began at a time and made these plans."""
        before = dict(self.ever)
        self._take_note()
        for run in self.world.catalog.runs():
            if run.id not in self.runs:
                self.planned[run.id] = min(begun_at, run.started_at)
                self._check_run(run, begun_at)
            self.runs[run.id] = run
        for backup in self.ever.values():
            if backup.id not in before:
                self._check_single(backup, before)
        if plans:
            self._check_all_answered(plans[-1].observed_at)

    # ---------------------------------------------------------- what there is
    def _forms(self) -> Iterator[tuple[Form, tuple[Spec, Rhythm]]]:
        for spec in self.world.specs.values():
            for rhythm in spec.rhythms.values():
                yield (spec.name, rhythm.name, rhythm.cron, spec.zone), (spec, rhythm)

    def _take_note(self) -> None:
        for backup in self.world.catalog.backups():
            self.ever[backup.id] = backup
        self.note_in_force()

    def note_in_force(self) -> None:
        """Take note of what passes recorded as in force."""
        for applied in self.world.catalog.applied()[1]:
            form = (str(applied.policy), str(applied.schedule), applied.cron, applied.timezone)
            promise = self.promises.get(form)
            if promise is None or promise.in_force_since is not None:
                continue
            require(
                applied.since >= promise.declared_at or self.is_doubtful(applied.since),
                "I10",
                f"{form} counts from {applied.since}, but was declared at {promise.declared_at}",
            )
            promise.in_force_since = applied.since

    def is_doubtful(self, at: datetime) -> bool:
        return any(start <= at <= end for start, end in self.doubtful)

    # ---------------------------------------------------------- one run, one backup
    def _check_run(self, run: Run, begun_at: datetime) -> None:
        """A run answers the newest slot of a schedule, inside its catch_up, and no older one."""
        for slot in run.reason.slots:
            promise = next(
                (
                    one
                    for form, one in self.promises.items()
                    if form[:2] == (str(run.series.policy), str(slot.schedule))
                ),
                None,
            )
            if promise is None or self.is_doubtful(slot.at) or self.is_doubtful(begun_at):
                continue
            self._check_slot(run, slot, promise, begun_at)

    def _check_slot(self, run: Run, slot: Slot, promise: Promise, begun_at: datetime) -> None:
        said = f"run {run.id} of {run.series} answers {slot.schedule} {slot.at}"
        near = promise.rhythm.walk(promise.zone, slot.at - LATE, slot.at)
        require(slot.at in list(near), "I10", f"{said}, which is no slot")
        require(slot.at >= promise.declared_at, "I10", f"{said}, from before it was declared")
        late = begun_at - slot.at
        require(late <= promise.rhythm.catch_up, "I10", f"{said}, {late} ago: too old")
        newer = list(promise.rhythm.walk(promise.zone, slot.at, begun_at))
        require(not newer, "I10", f"{said}, though {newer[:1]} came later")

    def _check_single(self, backup: Backup, before: dict[BackupId, Backup]) -> None:
        """No slot of a backup had one yet, unless those that it had were found damaged."""
        if backup.reason.trigger is Trigger.MANUAL or self.is_doubtful(backup.snapshot_at):
            return
        rivals = [
            other
            for other in self.ever.values()
            if other.series == backup.series
            and other.id != backup.id
            and other.sequence < backup.sequence
            and not _was_damaged(before.get(other.id))
            and not _was_damaged(other)
            and not self.is_doubtful(other.snapshot_at)
        ]
        done = {slot: other.id for other in rivals for slot in other.reason.slots}
        again = [
            str(slot.at)
            for slot in backup.reason.slots
            if slot in done and not self._was_found_damaged(done[slot])
        ]
        require(not again, "I9", f"{backup.id} of {backup.series} is a second one for {again}")
        if backup.reason.trigger is Trigger.FIRST:
            good = [other.id for other in rivals if other.id not in self.world.pruned]
            require(not good, "I9", f"{backup.id} is a first backup, but {good} was there")

    def _was_found_damaged(self, backup: BackupId) -> bool:
        """Whether damage of it was ever found, be it that it was mended since."""
        return any(
            entry.action is LogAction.VERIFY
            and entry.outcome is LogOutcome.FAILED
            and entry.detail["backup"] == backup
            for entry in self.world.catalog.log()
        )

    # ---------------------------------------------------------- all slots
    def _check_all_answered(self, now: datetime) -> None:
        for spec in self.world.specs.values():
            for rhythm in spec.rhythms.values():
                form = (spec.name, rhythm.name, rhythm.cron, spec.zone)
                made = self.promises[form]
                if made.in_force_since is None:
                    continue
                for database in spec.databases:
                    series = Series(PolicyName(spec.name), database)  # type: ignore[arg-type] - a NewType
                    line = self.lines.setdefault(
                        (series, form),
                        Promise(rhythm, made.zone, made.declared_at, made.in_force_since),
                    )
                    self._check_line(series, line, now)

    def _check_line(self, series: Series, line: Promise, now: datetime) -> None:
        slots = line.advance(now)
        if not slots:
            return
        mark = self.world.catalog.missed_until().get((series, ScheduleName(line.rhythm.name)))
        latest = line.latest(now)
        still_open = []
        for slot in slots:
            if self._is_answered(series, line, slot, mark):
                continue
            is_waiting = slot == latest and now - slot <= line.rhythm.catch_up + LATE
            require(
                is_waiting,
                "I10",
                f"slot {line.rhythm.name} {slot} of {series} has no backup, no failure, no miss",
            )
            still_open.append(slot)
        line.open_slots[:] = still_open

    def _is_answered(
        self, series: Series, line: Promise, slot: datetime, mark: datetime | None
    ) -> bool:
        if (mark is not None and slot <= mark) or self.is_doubtful(slot):
            return True
        name = line.rhythm.name
        named = [run for run in self.runs.values() if run.series == series]
        if any(
            one.at == slot and one.schedule == name for run in named for one in run.reason.slots
        ):
            return True
        return any(
            self._answers_unnamed(backup, line, slot)
            for backup in self.ever.values()
            if backup.series == series and min(backup.snapshot_at, backup.finished_at) >= slot
        )

    def _answers_unnamed(self, backup: Backup, line: Promise, slot: datetime) -> bool:
        """By hand, first of the series while the slot was open, or planned before the slot came."""
        if backup.reason.trigger is Trigger.MANUAL:
            return True
        began = self.planned.get(backup.run, backup.snapshot_at)
        if began <= slot:
            return True
        is_first = backup.reason.trigger is Trigger.FIRST
        return is_first and began - slot <= line.rhythm.catch_up + LATE

    # ---------------------------------------------------------- promises
    def check_promises(self) -> None:
        """What `status` would say of each promise is what the slots say (I12)."""
        if self.doubtful:
            return
        process, world = Process(self.world), self.world
        desired = world.desired()
        seen = observe(desired, world.catalog, process, process)  # type: ignore[arg-type] - both
        for policy in desired.policies.values():
            for series in policy.series:
                said = assess_promises(
                    policy,
                    seen.series[series],
                    schedules_since=seen.schedules_since,
                    now=seen.now,
                )
                for promise in said:
                    form = self._form_of(policy.name, promise.schedule)
                    broken = self._is_broken(series, form, seen.now)
                    is_empty = self._is_empty(series)
                    require(
                        broken is None or (broken or is_empty) != promise.is_kept,
                        "I12",
                        f"{promise.schedule} of {series} is said to be {promise.sentence!r}",
                    )

    def _is_empty(self, series: Series) -> bool:
        """Whether there are backups, and not one of them could be restored."""
        backups = self.world.catalog.backups(series)
        return bool(backups) and all(_was_damaged(backup) for backup in backups)

    def is_any_broken(
        self, series: Series, now: datetime, *, finished_by: datetime = FOREVER
    ) -> bool:
        """Whether a series has no backup for some slot whose grace is over.

        Backups that were finished after ``finished_by`` are left out: somebody had not seen them.
        """
        spec = self.world.specs.get(str(series.policy))
        return spec is not None and any(
            self._is_broken(series, self._form_of(spec.name, name), now, finished_by)
            for name in spec.rhythms
        )

    def _form_of(self, policy: str, schedule: str) -> Form:
        spec = self.world.specs[policy]
        return policy, schedule, spec.rhythms[schedule].cron, spec.zone

    def _is_broken(
        self, series: Series, form: Form, now: datetime, finished_by: datetime = FOREVER
    ) -> bool | None:
        made = self.promises[form]
        if made.in_force_since is None:
            return False
        good = [
            backup
            for backup in self.world.catalog.backups(series)
            if any(copy.state is CopyState.COMPLETE for copy in backup.copies)
            and backup.finished_at <= finished_by
        ]
        newest = max(good, key=lambda backup: backup.sequence, default=None)
        since = made.in_force_since - timedelta(microseconds=1)
        if newest is not None:
            since = max(since, min(newest.snapshot_at, newest.finished_at))
        named = newest.reason.slots if newest else ()
        overdue = made.rhythm.walk(
            made.zone, since, now - made.rhythm.grace - timedelta(microseconds=1)
        )
        return any(Slot(slot, ScheduleName(made.rhythm.name)) not in named for slot in overdue)


def _was_damaged(backup: Backup | None) -> bool:
    return backup is not None and not any(
        copy.state is CopyState.COMPLETE for copy in backup.copies
    )
