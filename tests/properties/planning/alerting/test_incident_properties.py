"""Whatever happens, and in whatever order, incidents are told as their rules say."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.model.alert import AlertKind, Cause, Trouble
from orchestrator.model.incident import Message
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import DesiredState, Event
from orchestrator.planning.alerting import Moment
from orchestrator.planning.alerting.follow import MOST_AN_HOUR, STEADY
from tests.support.alerting import a_trouble
from tests.support.builders import a_series
from tests.support.incident_history import History, a_route, in_force, routed

Story = Sequence[tuple[timedelta, frozenset[str], Moment]]
HOUR = timedelta(hours=1)
POLICIES = ("one", "two", "three")
REMIND_EVERY = {"ops": 3 * HOUR, "mail": 24 * HOUR}

steps = st.lists(
    st.tuples(
        st.integers(1, 600).map(lambda minutes: timedelta(minutes=minutes)),
        st.frozensets(st.sampled_from([*POLICIES, "server"])),
        st.sampled_from(Moment),
    ),
    min_size=1,
    max_size=60,
)


def desired_state() -> DesiredState:
    """Everybody tells both channels; one policy tells only one of them."""
    ops, mail = (a_route(name, remind_every=every) for name, every in REMIND_EVERY.items())
    return in_force(
        routed(ops, mail, name="one"), routed(mail, name="two"), routed(ops, name="three")
    )


def troubles(broken: frozenset[str]) -> Sequence[Trouble]:
    """A trouble for each broken policy; a broken server hits all of them."""
    own = [a_trouble(name, series=[a_series(name)]) for name in POLICIES if name in broken]
    hit = [a_series(name) for name in POLICIES]
    return [*own, *([a_trouble("server db:5432", series=hit)] if "server" in broken else [])]


def tell(history: Story) -> History:
    told = History(desired_state())
    for lapse, broken, moment in history:
        told.see(*troubles(broken), after=lapse, moment=moment)
    return told


def by_incident(history: History) -> dict[tuple[Cause, ChannelName], list[Message]]:
    grouped: dict[tuple[Cause, ChannelName], list[Message]] = {}
    for message in history.said:
        grouped.setdefault((message.about, message.channel), []).append(message)
    return grouped


@given(steps)
@settings(max_examples=60)
def test_an_incident_recovers_once_after_it_opened(story: Story):
    """It may open twice: what gave way to another cause ended in silence."""
    for messages in by_incident(tell(story)).values():
        told = [message.alert.kind for message in messages]
        assert told[0] is AlertKind.OPENED
        assert (AlertKind.RECOVERED, AlertKind.RECOVERED) not in list(pairwise(told))
        assert (AlertKind.RECOVERED, AlertKind.REMINDER) not in list(pairwise(told))


@given(steps)
@settings(max_examples=60)
def test_nothing_is_said_to_succeed_again_while_anything_of_it_fails(story: Story):
    told = History(desired_state())
    for lapse, broken, moment in story:
        known = len(told.said)
        told.see(*troubles(broken), after=lapse, moment=moment)
        failing = {series for trouble in troubles(broken) for series in trouble.series}
        for message in told.said[known:]:
            if message.alert.kind is AlertKind.RECOVERED:
                assert not failing & set(message.alert.series)


@given(steps)
@settings(max_examples=60)
def test_reminders_are_as_far_apart_as_declared_unless_something_new_is_hit(story: Story):
    for (_, channel), messages in by_incident(tell(story)).items():
        for before, after in pairwise(messages):
            new = set(after.alert.series) - set(before.alert.series)
            if after.alert.kind is AlertKind.REMINDER and not new:
                assert after.created_at - before.created_at >= REMIND_EVERY[channel]


@given(steps)
@settings(max_examples=60)
def test_no_incident_makes_more_than_a_few_messages_an_hour(story: Story):
    for messages in by_incident(tell(story)).values():
        times = [message.created_at for message in messages]
        for first in times:
            assert sum(first <= at < first + HOUR for at in times) <= MOST_AN_HOUR + 1


@given(steps)
@settings(max_examples=60)
def test_whatever_lasts_is_told_on_each_channel_that_wants_it(story: Story):
    told, since = History(desired_state()), dict[str, datetime]()
    for lapse, broken, moment in story:
        told.see(*troubles(broken), after=lapse, moment=moment)
        since = {name: since.get(name, told.now) for name in broken}
        for name, began in since.items():
            if told.now - began >= HOUR:
                assert channels_that_know(told, name) >= wanted(name), name


def wanted(name: str) -> set[str]:
    return {"one": {"ops", "mail"}, "two": {"mail"}, "three": {"ops"}}.get(name, {"ops", "mail"})


def channels_that_know(history: History, name: str) -> set[str]:
    subject = "server db:5432" if name == "server" else name
    known = history.known.values()
    return {
        one.channel for one in known if one.cause == Cause(Event.FAILED, subject) and one.is_open
    }


@given(steps)
@settings(max_examples=60)
def test_everything_recovers_once_all_is_well_for_long_enough(story: Story):
    told = tell(story)
    told.see(after=HOUR)
    told.see(after=STEADY[-1])
    assert not any(incident.is_open for incident in told.known.values())
    assert told.see(after=HOUR) == []


@given(steps)
@settings(max_examples=40)
def test_the_same_state_again_changes_nothing(story: Story):
    told = tell(story)
    for _, broken, _ in story[-1:]:
        before = dict(told.known)
        told.see(*troubles(broken))
        again = dict(told.known)
        told.see(*troubles(broken))
        assert told.known == again
        assert len(again) == len(before)
