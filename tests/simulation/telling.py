"""What channels were told, held against what was really wrong, by the words of design §9 (I11, I12).

The walk knows nothing of how the product finds troubles: it looks at runs, slots, copies and marks,
at every message that is written, and at everything that a channel takes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from orchestrator.model.alert import AlertKind, Cause
from orchestrator.model.incident import IncidentChange, Message, MessageState
from orchestrator.model.names import Series
from orchestrator.model.policy import Event
from tests.simulation.channels import Heard
from tests.simulation.copies import ViolationError, require
from tests.simulation.processes import Process
from tests.simulation.slots import FOREVER, SlotChecks
from tests.simulation.troubles import Troubles
from tests.simulation.world import World

HOUR = timedelta(hours=1)
FLAPPING_WITHIN = timedelta(hours=6)
MOST_AN_HOUR = 3
ENDS = frozenset({AlertKind.RECOVERED, AlertKind.UNWATCHED})
OF_NO_SERIES = frozenset({Event.CHANNEL_FAILING, Event.LOW_STORAGE})

Story = tuple[Cause, str]
"""A cause, and the channel that hears of it."""


@dataclass
class Line:
    """What one channel was told about one cause, as far as the outbox has it."""

    is_open: bool = False
    series: frozenset[Series] = frozenset()
    written: list[datetime] = field(default_factory=list)
    recovered_at: datetime | None = None
    came_back: int = 0
    """How often in a row it came back within hours of its recovery."""


@dataclass
class TellingChecks:
    """Called with each message, with what channels take, and after each step."""

    world: World
    slots: SlotChecks
    troubles: Troubles
    lines: dict[Story, Line] = field(default_factory=dict)
    taken: dict[str, Heard] = field(default_factory=dict)
    """The first time that each message was taken."""
    newest: dict[Story, datetime] = field(default_factory=dict)
    """When the newest message was written that a channel took."""
    followed: set[str] = field(default_factory=set)
    named: set[Series] = field(default_factory=set)
    """The series that any message was ever about."""

    # ---------------------------------------------------------- what is written
    def watch(self, process: Process, changes: Sequence[IncidentChange]) -> None:
        """See the messages that were just recorded."""
        self._note_messages(process, changes)
        self._note_silent_ends(changes)

    def _note_messages(self, process: Process, changes: Sequence[IncidentChange]) -> None:
        messages = [change.message for change in changes if change.message is not None]
        if not messages:
            return
        since = min(message.created_at for message in messages)
        self.slots.note_in_force()
        recorded = {message.id for message in self.world.catalog.messages(since=since)}
        try:
            for message in messages:
                if message.id in recorded - self.followed:
                    self.followed.add(message.id)
                    self._follow(message, process)
        except ViolationError as violation:
            self.world.violation = self.world.violation or violation
            raise

    def _note_silent_ends(self, changes: Sequence[IncidentChange]) -> None:
        """A story ends without a word only at a channel that no policy names any more, or if the
        same channel knows that the same is wrong for another reason.
        """
        for change in changes:
            after = change.after
            if change.message is None and after is not None and not after.is_open:
                line = self.lines.get((after.cause, str(after.channel)))
                if line is not None and self._may_end_silently(after.cause, str(after.channel)):
                    line.is_open = False
                    line.recovered_at = after.recovered_at

    def _may_end_silently(self, cause: Cause, channel: str) -> bool:
        hit = self.lines[cause, channel].series
        # A series that joins what a channel knows of is told there with the next reminder.
        still_fails = any(
            self.troubles.latest_failure(one) or self.troubles.is_set_back(one) for one in hit
        )
        return channel not in self.troubles.channels() or any(
            other.is_open and (other.series & hit or still_fails)
            for (another, to), other in self.lines.items()
            if another.event is cause.event and another != cause and to == channel
        )

    def _follow(self, message: Message, process: Process) -> None:
        line = self.lines.setdefault((message.about, str(message.channel)), Line())
        alert, series = message.alert, frozenset(message.alert.series)
        said = f"{alert.kind.value} of {message.about} to {message.channel}"
        self.world.say(f"process {process.number} writes {said}")
        self.named |= series
        if alert.kind is AlertKind.OPENED:
            require(not line.is_open, "I11", f"{said}, which was open already")
            self._check_cause(message, series, process)
            lately = line.recovered_at and message.created_at - line.recovered_at <= FLAPPING_WITHIN
            line.came_back = line.came_back + 1 if lately else 0
        elif alert.kind is AlertKind.REMINDER:
            require(line.is_open, "I11", f"{said}, which is not open")
            self._check_reminder(message, line, series, said)
            self._check_cause(message, series - line.series, process)
        elif alert.kind in ENDS:
            require(line.is_open, "I11", f"{said}, which is not open")
            line.recovered_at = message.created_at
            if alert.kind is AlertKind.RECOVERED:
                self._check_watched(message, line, said)
                self._check_end(message, process, said)
            else:
                self._check_unwatched(message, said)
        line.is_open = alert.kind not in ENDS
        line.series = series
        line.written.append(message.created_at)

    def _check_reminder(
        self, message: Message, line: Line, series: frozenset[Series], said: str
    ) -> None:
        """No more often than somebody asked for, but where more is wrong than was told."""
        if self.world.clock_went_back:
            return
        at = message.created_at
        if series - line.series or self._has_lost_more(message, line):
            lately = sum(at - one < HOUR for one in line.written)
            require(lately <= MOST_AN_HOUR, "I11", f"{said} is the {lately + 1}th within an hour")
            return
        gap = at - line.written[-1]
        least = self._interval(str(message.channel), series)
        require(gap >= least, "I11", f"{said} after {gap}; {least} was asked for")

    def _has_lost_more(self, message: Message, line: Line) -> bool:
        """Whether a backup is suspicious that was not when it was told last."""
        return message.about.event is Event.GUARD and any(
            backup.suspicion is not None and backup.suspicion.at > line.written[-1]
            for one in message.alert.series
            for backup in self.troubles.backups(one)
        )

    def _check_end(self, message: Message, process: Process, said: str) -> None:
        """Nothing is said to succeed again, or to be on time, that is not, or is not looked at."""
        at = process.looked_at or self.world.time
        for one in message.alert.series:
            is_watched = self.troubles.is_watched(one)
            require(is_watched, "I11", f"{said}, but nobody looks at {one} any more")
            if process.was_interfered_with:
                continue
            failed = self.troubles.latest_failure(one)
            is_failing = message.about.event is Event.FAILED and failed is not None
            require(not is_failing, "I11", f"{said}, but run {failed and failed.id} failed last")
            is_late = (
                message.about.event is Event.MISSED
                and not self.slots.doubtful
                and not self.world.clock_went_back
                and self.slots.is_any_broken(one, at)
            )
            require(not is_late, "I11", f"{said}, but a promise to {one} is broken")

    def _check_watched(self, message: Message, line: Line, said: str) -> None:
        """Nothing is said to be well of which nobody looks at anything any more."""
        watched = [one for one in line.series if self.troubles.is_watched(one)]
        is_of_series = line.series and message.about.event not in OF_NO_SERIES
        require(
            bool(watched) or not is_of_series, "I11", f"{said}, but nobody looks at it any more"
        )

    def _check_unwatched(self, message: Message, said: str) -> None:
        """What a channel was told of is not looked at any more only if no policy names it."""
        series = message.alert.series
        watched = [one for one in series if self.troubles.is_watched(one)]
        is_of_series = message.about.event not in OF_NO_SERIES
        require(not (watched and is_of_series), "I11", f"{said}, but {watched} are looked at")

    def _interval(self, channel: str, series: frozenset[Series]) -> timedelta:
        """How often a channel wants to be reminded of what hits these series."""
        names = {str(one.policy) for one in series} or set(self.world.specs)
        asked = [
            spec.channels[channel]
            for name, spec in self.world.specs.items()
            if name in names and channel in spec.channels
        ]
        return min(asked, default=timedelta())

    # ---------------------------------------------------------- nothing for what never was
    def _check_cause(self, message: Message, series: frozenset[Series], process: Process) -> None:
        event, at = message.about.event, process.looked_at or self.world.time
        # Between a look and what follows from it, others do not wait for a process.
        seen_by = at if process.was_interfered_with else FOREVER
        proofs: Mapping[Event, Callable[[Series], bool]] = {
            Event.FAILED: lambda one: (
                self.troubles.latest_failure(one) is not None or self.troubles.is_set_back(one)
            ),
            Event.MISSED: lambda one: (
                self.slots.is_any_broken(one, at, finished_by=seen_by) or bool(self.slots.doubtful)
            ),
            Event.CORRUPT: lambda one: any(
                map(self.troubles.is_harmed, self.troubles.backups(one))
            ),
            Event.GUARD: lambda one: any(
                backup.is_suspicious for backup in self.troubles.backups(one)
            ),
            Event.PRUNE_REFUSED: self.troubles.is_too_much_kept,
            Event.DEGRADED: lambda one: self.troubles.runs_for_long(one, at),
        }
        if event is Event.CHANNEL_FAILING:
            channel = message.about.subject.removeprefix("channel ")
            has_refused = any(name == channel for name, _ in self.world.refused)
            require(has_refused, "I11", f"{channel} is said to fail, but took all")
            return
        is_proved = proofs.get(event)
        if is_proved is None:
            require(event is Event.LOW_STORAGE, "I11", f"{message.about} is told for no reason")
            return
        for one in series:
            what = f"{one} is said to have {event.value}: {message.alert.error.what}"
            require(is_proved(one), "I11", f"{what}; it is not so")

    # ---------------------------------------------------------- what is taken
    def listen(self, heard: Heard) -> None:
        """See what a channel takes: everything once, and in the order of its story."""
        try:
            self._listen(heard)
        except ViolationError as violation:
            self.world.violation = self.world.violation or violation
            raise

    def _listen(self, heard: Heard) -> None:
        message, said = heard.message, f"{heard.alert.kind.value} of {heard.alert.cause}"
        self.named |= set(heard.alert.series)
        if message is None:
            is_excused = heard.sender.erring == "catalog"
            require(is_excused, "I11", f"{said} is told past the outbox")
            return
        first = self.taken.setdefault(message.id, heard)
        if first is not heard:
            is_excused = _is_unsure(first.sender) or _is_unsure(heard.sender)
            require(is_excused, "I11", f"{said} is told twice to {heard.channel}")
            return
        story = message.about, heard.channel
        newest = self.newest.get(story, message.created_at)
        is_in_order = newest <= message.created_at or self.world.clock_went_back
        require(is_in_order, "I11", f"{said} comes after what was written later")
        self.newest[story] = message.created_at

    # ---------------------------------------------------------- after a step
    def check_sent(self) -> None:
        """What counts as sent was taken by its channel."""
        for message in self.world.catalog.messages():
            is_sent = message.state is MessageState.SENT
            is_lost = is_sent and message.id not in self.taken
            require(not is_lost, "I11", f"{message.about} counts as sent, but nobody took it")

    def check_told(self, looked_at: datetime) -> None:
        """After a pass that nothing came in between of, everybody knows what is wrong (I11, I12)."""
        if self.world.clock_went_back:
            return
        undelivered = self.world.catalog.undelivered()
        self._check_delivered(undelivered)
        waiting = {(message.about, str(message.channel)) for message in undelivered}
        for spec in self.world.specs.values():
            for series in spec.policy().series:
                trouble = next(self.troubles.find(series, looked_at), None)
                for channel in spec.channels if trouble else ():
                    self._check_knows(channel, series, f"{series} {trouble}", waiting)
                    self._check_reminded(channel, series, looked_at, waiting)
        self._check_dead_channels(undelivered)

    def _check_delivered(self, undelivered: Sequence[Message]) -> None:
        now, declared = self.world.time, self.troubles.channels()
        claimed = {
            (message.about, message.channel)
            for message in undelivered
            if message.claimed_until is not None and message.claimed_until > now
        }
        for message in undelivered:
            channel = str(message.channel)
            if channel in self.world.silent or channel in self.world.sluggish:
                continue
            is_excused = channel not in declared or (message.about, message.channel) in claimed
            what = f"{channel} answers, but was not given {message.alert.kind} of {message.about}"
            require(is_excused, "I11", what)

    def _check_knows(self, channel: str, series: Series, what: str, waiting: set[Story]) -> None:
        lines = {
            story: line
            for story, line in self.lines.items()
            if story[1] == channel and line.is_open
        }
        is_told = any(series in line.series for line in lines.values())
        # Of what hits more and more series, three messages an hour are enough; and none is added
        # while the channel did not even take the last.
        is_put_off = any(
            story in waiting
            or sum(self.world.time - at < HOUR for at in line.written) >= MOST_AN_HOUR
            for story, line in lines.items()
        )
        require(is_told or is_put_off, "I11", f"{channel} does not know that {what}")

    def _check_reminded(
        self, channel: str, series: Series, at: datetime, waiting: set[Story]
    ) -> None:
        told = {
            story: line
            for story, line in self.lines.items()
            if story[1] == channel and line.is_open and series in line.series
        }
        asked = self.world.specs[str(series.policy)].channels[channel]
        is_reminded = not told or any(at - line.written[-1] < asked for line in told.values())
        # Nothing is added while the last message waits, and a series that goes over to another
        # story waits with that; a slow channel is given one in a round.
        is_dead = channel in self.world.silent and any(name == channel for _, name in waiting)
        is_put_off = is_dead or channel in self.world.sluggish or bool(waiting & set(told))
        require(
            is_reminded or is_put_off,
            "I11",
            f"{channel} was not reminded of {series} for {asked}",
        )

    def _check_dead_channels(self, undelivered: Sequence[Message]) -> None:
        """A dead channel is reported on the others."""
        for dead in self.world.silent:
            tried = sum(one.attempts for one in undelivered if one.channel == dead)
            # One that takes long to refuse is tried only once in a pass.
            for channel in () if tried < 2 else self.troubles.channels() - {dead}:
                line = self.lines.get((Cause(Event.CHANNEL_FAILING, f"channel {dead}"), channel))
                is_told = line is not None and line.is_open
                require(is_told, "I11", f"{channel} does not know that {dead} is dead")

    # ---------------------------------------------------------- when all is well
    def check_over(self, refused: set[Series], looked_at: datetime) -> None:
        """When nothing is left to do, each story has ended whose cause has (I11).

        ``refused`` are the series of which copies wait for a human. What came back again and again
        must stay away for hours first.
        """
        if self.world.clock_jumped:
            return
        declared = self.troubles.channels()
        for (cause, channel), line in self.lines.items():
            if not line.is_open or channel not in declared or line.came_back:
                continue
            lasting = [
                one for one in line.series if self.troubles.lasts(one, looked_at) or one in refused
            ]
            is_over = not line.series and cause.event is not Event.LOW_STORAGE
            what = f"{channel} was never told that {cause} is over"
            require(bool(lasting) or not (line.series or is_over), "I11", what)


def _is_unsure(sender: Process) -> bool:
    """Whether a process may have died, slept or met an error between an answer and the commit."""
    return sender.is_dead or sender.was_interfered_with or sender.erring is not None
