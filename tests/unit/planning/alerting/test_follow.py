"""An incident is told once when it opens, as declared while it lasts, and once when it is over."""

from datetime import timedelta

import pytest

from orchestrator.model.alert import AlertKind
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import Event
from orchestrator.planning.alerting import Moment
from tests.support.alerting import a_trouble
from tests.support.builders import a_series
from tests.support.incident_history import START, History, a_route, in_force, routed

OPENED, REMINDER, RECOVERED = AlertKind.OPENED, AlertKind.REMINDER, AlertKind.RECOVERED
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def test_a_trouble_is_told_once_and_its_end_once():
    history = History()
    assert history.see(a_trouble()) == [OPENED]
    assert [history.see(a_trouble(), after=HOUR) for _ in range(20)] == [[]] * 20
    assert history.see(after=MINUTE) == [RECOVERED]
    assert history.see(after=HOUR) == []


def test_a_clock_that_shows_the_same_instant_twice_makes_two_messages():
    history = History()
    history.see(a_trouble())
    history.see(after=6 * MINUTE)
    history.now -= 6 * MINUTE
    assert history.see(a_trouble()) == [OPENED]
    assert len({message.id for message in history.said}) == 3


def test_reminders_come_as_often_as_each_channel_declares():
    routes = (a_route("ops", remind_every=12 * HOUR), a_route("mail", remind_every=48 * HOUR))
    history = History(in_force(routed(*routes)))
    for _ in range(49):
        history.see(a_trouble(), after=HOUR)
    told = [(m.channel, m.alert.kind) for m in history.said]
    assert told.count(("ops", REMINDER)) == 4
    assert told.count(("mail", REMINDER)) == 1
    assert told.count(("ops", OPENED)) == told.count(("mail", OPENED)) == 1


def test_a_reminder_waits_for_the_end_of_a_pass():
    history = History()
    history.see(a_trouble())
    assert history.see(a_trouble(), after=25 * HOUR, moment=Moment.BEGINNING) == []
    assert history.see(a_trouble(), moment=Moment.END) == [REMINDER]


def test_nothing_is_added_while_the_last_message_waits_for_its_channel():
    history = History()
    history.see(a_trouble())
    history.waiting = {(a_trouble().cause, ChannelName("ops"))}
    assert history.see(a_trouble(), after=100 * HOUR) == []
    assert history.see(after=HOUR) == [RECOVERED], "its end is news all the same"


def test_only_channels_that_ask_for_an_event_hear_of_it():
    routes = (a_route("ops", [Event.MISSED]), a_route("mail", [Event.FAILED]))
    history = History(in_force(routed(*routes)))
    history.see(a_trouble())
    assert [message.channel for message in history.said] == ["mail"]


def test_who_asks_for_what_follows_hears_of_its_cause():
    history = History(in_force(routed(a_route("ops", [Event.MISSED]))))
    assert history.see(a_trouble()) == []
    assert history.see(a_trouble(also=[Event.MISSED])) == [OPENED]


def test_what_turns_out_to_follow_from_something_else_is_over_with_it_and_not_before():
    history = History()
    missed = a_trouble("the schedules", Event.MISSED)
    assert history.see(missed) == [OPENED]
    assert history.see(a_trouble(also=[Event.MISSED]), after=HOUR) == [OPENED]
    assert history.see(a_trouble(also=[Event.MISSED]), after=HOUR) == []
    assert history.see(after=HOUR) == [RECOVERED, RECOVERED]


def test_one_cause_of_many_series_is_one_message_that_names_them_all():
    policies = [routed(name=f"policy-{number}") for number in range(200)]
    series = [policy.series[0] for policy in policies]
    history = History(in_force(*policies))
    assert history.see(a_trouble("server db:5432", series=series)) == [OPENED]
    assert history.said[0].alert.series == tuple(sorted(series))
    assert history.see() == [RECOVERED]


def test_a_channel_hears_only_of_series_whose_policies_name_it():
    policies = [routed(a_route(name), name=name) for name in ("one", "two")]
    series = [a_series("one"), a_series("two")]
    history = History(in_force(*policies))
    history.see(a_trouble("destination local", series=series))
    assert [(m.channel, m.alert.series) for m in history.said] == [
        ("one", (series[0],)),
        ("two", (series[1],)),
    ]
    assert history.see(a_trouble("destination local", series=series[:1]), after=HOUR) == [RECOVERED]
    assert history.said[-1].channel == "two"


def growing(count: int) -> list[str]:
    return [f"policy-{number}" for number in range(count)]


def test_what_breaks_one_by_one_makes_at_most_three_messages_in_its_first_hour():
    names = growing(200)
    history = History(in_force(*(routed(name=name) for name in names)))
    for minute in range(60):
        broken = [a_series(name) for name in names[: 1 + 4 * minute]]
        history.see(a_trouble("server db:5432", series=broken), after=MINUTE)
    assert [message.alert.kind for message in history.said] == [OPENED, REMINDER, REMINDER]
    history.see(a_trouble("server db:5432", series=[a_series(n) for n in names]), after=HOUR)
    assert len(history.said[-1].alert.series) == 200


def test_the_end_of_a_pass_tells_of_new_series_at_once():
    history = History(in_force(*(routed(name=name) for name in growing(2))))
    series = [a_series(name) for name in growing(2)]
    history.see(a_trouble("destination local", series=series[:1]))
    grown = a_trouble("destination local", series=series)
    assert history.see(grown, after=MINUTE) == []
    assert history.see(grown, moment=Moment.END) == [REMINDER]


def test_flapping_makes_few_messages_and_recovers_once_it_is_steady():
    history = History()
    for _ in range(100):
        history.see(a_trouble(), after=5 * MINUTE)
        history.see(after=5 * MINUTE)
    kinds = [message.alert.kind for message in history.said]
    assert kinds == [OPENED, RECOVERED, OPENED]
    assert history.see(after=HOUR) == [RECOVERED]
    assert history.see(after=HOUR) == []


def test_what_comes_back_soon_says_so_and_after_long_it_is_new():
    history = History()
    history.see(a_trouble())
    history.see(after=HOUR)
    history.see(a_trouble(), after=HOUR)
    assert history.said[-1].alert.facts == (("Came back", "it had recovered at 2026-11-22T03:00Z"),)
    history.see(after=HOUR)
    history.see(after=HOUR)
    history.see(a_trouble(), after=7 * HOUR)
    assert history.said[-1].alert.facts == ()
    assert history.see(after=MINUTE) == [RECOVERED]


def test_an_observation_from_before_the_last_message_changes_nothing():
    history = History()
    history.see(a_trouble())
    assert history.see(after=-MINUTE) == []
    assert history.see(after=2 * MINUTE) == [RECOVERED]


def test_a_clock_that_was_ahead_does_not_silence_reminders():
    history = History()
    history.see(a_trouble(), after=timedelta(days=365))
    history.now = START
    assert history.see(a_trouble()) == [REMINDER]


# ------------------------------------------------------------------ policies that change
def test_a_channel_that_is_added_is_told_of_what_is_wrong():
    history = History()
    history.see(a_trouble())
    history.desired = in_force(routed(a_route("ops"), a_route("mail")))
    assert history.see(a_trouble(), after=HOUR) == [OPENED]
    assert history.said[-1].channel == "mail"


def test_who_is_routed_to_no_more_is_told_of_the_end_and_nothing_before():
    history = History(in_force(routed(a_route("ops"), a_route("mail"))))
    history.see(a_trouble())
    history.desired = in_force(
        routed(a_route("ops"), a_route("mail", [Event.LOW_STORAGE])),
    )
    history.see(a_trouble(), after=100 * HOUR)
    assert [m.channel for m in history.said if m.alert.kind is REMINDER] == ["ops"]
    assert history.see(after=HOUR) == [RECOVERED, RECOVERED]


def test_a_channel_that_is_declared_no_more_is_told_nothing():
    history = History(in_force(routed(a_route("ops"), a_route("mail"))))
    history.see(a_trouble())
    history.desired = in_force(routed(a_route("ops")))
    assert history.see(after=HOUR) == [RECOVERED]
    assert not any(incident.is_open for incident in history.known.values())


def test_an_incident_whose_policy_is_gone_ends_and_says_that_nothing_was_mended():
    history = History(in_force(routed(), routed(name="other")))
    history.see(a_trouble())
    history.desired = in_force(routed(name="other"))
    assert history.see(after=HOUR) == [RECOVERED]
    facts = dict(history.said[-1].alert.facts)
    assert "nothing was mended" in facts["Why"]


# ------------------------------------------------------------------ what has no series
def test_a_failing_channel_is_told_of_on_the_others():
    routes = (a_route("ops"), a_route("mail"), a_route("pager", [Event.FAILED]))
    history = History(in_force(routed(*routes)))
    failing = a_trouble("channel ops", Event.CHANNEL_FAILING, series=())
    history.see(failing)
    assert [message.channel for message in history.said] == ["mail"]


def test_if_no_other_channel_asks_for_it_all_others_hear_of_a_failing_channel():
    routes = (a_route("ops", [Event.FAILED]), a_route("mail", [Event.FAILED]))
    history = History(in_force(routed(*routes)))
    history.see(a_trouble("channel ops", Event.CHANNEL_FAILING, series=()))
    assert [message.channel for message in history.said] == ["mail"]


@pytest.mark.parametrize("event", [Event.DEGRADED, Event.DRILL_FAILED])
def test_events_whose_causes_come_later_are_routed_already(event: Event):
    history = History(in_force(routed(a_route("ops", [event]), a_route("mail", [Event.FAILED]))))
    history.see(a_trouble("practice/app", event))
    assert [message.channel for message in history.said] == ["ops"]


def test_who_was_frozen_since_it_looked_says_nothing_after_one_who_saw_more():
    history = History()
    history.see(a_trouble())
    assert history.see(a_trouble(), after=30 * HOUR) == [REMINDER]
    assert history.see(a_trouble(), looked=5 * HOUR, moment=Moment.END) == []
    assert history.see(after=HOUR) == [RECOVERED]
    assert history.see(a_trouble(), looked=5 * HOUR) == []
