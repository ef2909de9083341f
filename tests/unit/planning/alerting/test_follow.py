"""An incident is told once when it opens, as declared while it lasts, and once when it is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from orchestrator.model.alert import AlertKind, Trouble
from orchestrator.model.names import ChannelName
from orchestrator.model.policy import (
    DesiredState,
    Event,
    LowStorage,
    OnUncovered,
    TableSelection,
)
from orchestrator.planning.alerting import Moment
from orchestrator.planning.alerting.causes import server_of
from tests.support.alerting import a_trouble
from tests.support.builders import a_series, a_source
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
    assert history.said[-1].alert.facts == (
        ("Came back", "its last incident was closed at 2026-11-22T03:00Z"),
    )
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


# ------------------------------------------------------------------ an end that is no success
UNWATCHED = AlertKind.UNWATCHED


def test_a_cause_that_gives_way_to_another_ends_without_a_word_of_success():
    history = History()
    first, second = a_trouble("server db:1"), a_trouble("destination local")
    assert history.see(first) == [OPENED]
    assert history.see(second, after=HOUR) == [OPENED]
    assert history.said[-1].about == second.cause
    assert dict(history.said[-1].alert.facts)["Before"].startswith("server db:1, since ")
    assert [one.cause for one in history.known.values() if one.is_open] == [second.cause]
    assert history.see(after=HOUR) == [RECOVERED]
    assert history.said[-1].about == second.cause


def test_one_series_that_fails_for_another_reason_is_enough_to_keep_from_saying_ok():
    history = History(in_force(routed(name="one"), routed(name="two")))
    both = a_trouble("server db:1", series=[a_series("one"), a_series("two")])
    assert history.see(both) == [OPENED]
    assert history.see(a_trouble("two/app", series=[a_series("two")]), after=HOUR) == [OPENED]
    assert history.see(after=HOUR) == [RECOVERED]


def test_another_event_of_the_same_series_keeps_nobody_from_hearing_of_an_end():
    history = History()
    damaged = a_trouble("destination local", Event.CORRUPT)
    assert history.see(a_trouble(), damaged) == [OPENED, OPENED]
    assert history.see(damaged, after=HOUR) == [RECOVERED]


def test_who_does_not_hear_of_the_other_cause_hears_of_the_end_when_that_is_over_too():
    history = History(in_force(routed(a_route("ops"), a_route("mail"))))
    history.see(a_trouble("server db:1"))
    history.desired = in_force(routed(a_route("ops"), a_route("mail", [Event.LOW_STORAGE])))
    assert history.see(a_trouble("destination local"), after=HOUR) == [OPENED]
    assert history.see(after=HOUR) == [RECOVERED, RECOVERED]
    assert {message.channel for message in history.said[-2:]} == {"ops", "mail"}


def test_who_was_frozen_since_it_looked_opens_nothing_that_ended_in_silence_meanwhile():
    history = History()
    history.see(a_trouble("server db:1"))
    history.see(a_trouble("destination local"), after=5 * HOUR)
    stale = a_trouble("server db:1")
    history.see(stale, a_trouble("destination local"), looked=HOUR)
    assert [one.cause.subject for one in history.known.values() if one.is_open] == [
        "destination local"
    ]


@pytest.mark.parametrize("event", [Event.FAILED, Event.MISSED, Event.GUARD, Event.CORRUPT])
def test_what_is_not_looked_at_any_more_is_said_to_be_so_and_never_to_be_right(event: Event):
    history = History(in_force(routed(), routed(name="other")))
    history.see(a_trouble(event=event))
    history.desired = in_force(routed(name="other"))
    assert history.see(after=HOUR) == [UNWATCHED]
    why = dict(history.said[-1].alert.facts)["Why"]
    assert why == "no policy file names the policy practice any more; nothing was mended"
    assert history.see(after=HOUR) == []


def test_a_database_that_its_policy_stands_for_no_more_is_not_watched_any_more():
    both = replace(routed(), source=a_source(databases=("app", "old")))
    history = History(in_force(both))
    history.see(a_trouble("database practice/old", Event.MISSED, series=[a_series(database="old")]))
    history.desired = in_force(routed())
    assert history.see(after=HOUR) == [UNWATCHED]
    why = dict(history.said[-1].alert.facts)["Why"]
    assert why == "the policy practice does not stand for practice/old any more; nothing was mended"


def test_the_end_names_only_what_is_still_looked_at():
    history = History(in_force(routed(name="one"), routed(name="two")))
    history.see(a_trouble("server db:1", series=[a_series("one"), a_series("two")]))
    history.desired = in_force(routed(name="two"))
    assert history.see(after=HOUR) == [RECOVERED]
    assert history.said[-1].alert.series == (a_series("two"),)
    assert dict(history.said[-1].alert.facts)["No longer watched"] == "one/app"


def test_space_of_a_place_without_a_limit_any_more_is_not_said_to_be_enough():
    limits = LowStorage(free_below=1)
    history = History(with_limits(in_force(), limits))
    history.see(a_trouble("destination local", Event.LOW_STORAGE))
    history.desired = with_limits(in_force(), None)
    assert history.see(after=HOUR) == [UNWATCHED]
    history.desired = with_limits(in_force(), limits)
    history.see(a_trouble("destination local", Event.LOW_STORAGE), after=HOUR)
    assert history.see(after=HOUR) == []
    assert history.see(after=HOUR) == [RECOVERED]


def with_limits(desired: DesiredState, limits: LowStorage | None) -> DesiredState:
    places = {
        name: replace(place, low_storage=limits) for name, place in desired.destinations.items()
    }
    return replace(desired, destinations=places)


def test_tables_that_a_policy_ignores_now_are_not_said_to_be_backed_up():
    history = History()
    history.see(a_trouble("practice", Event.UNCOVERED))
    tables = TableSelection(on_uncovered=OnUncovered.IGNORE)
    history.desired = in_force(replace(routed(), tables=tables))
    assert history.see(after=HOUR) == [UNWATCHED]


def test_a_server_that_only_removed_patterns_were_on_is_not_said_to_be_back():
    patterned = replace(a_source(), databases=(), patterns=("app_*",))
    policies = replace(routed(), source=patterned), routed(name="other")
    history = History(in_force(*policies))
    unlisted = a_trouble(server_of(policies[0]), series=())
    history.see(unlisted)
    history.desired = in_force(routed(name="other"))
    assert history.see(after=HOUR) == [UNWATCHED]
    history.desired = in_force(*policies)
    history.see(unlisted, after=HOUR)
    history.see(after=HOUR)
    assert history.see(after=HOUR) == [RECOVERED]


# ------------------------------------------------------------------ what grows
def guarded(**found: timedelta) -> Trouble:
    """A suspicious backup, and how long after the start each thing in it was found first."""
    listed = tuple((thing, START + after) for thing, after in found.items())
    return replace(a_trouble(event=Event.GUARD), found=listed)


def test_a_loss_that_grows_is_told_again_and_one_that_shrinks_is_not():
    history = History()
    assert history.see(guarded(users=-HOUR)) == [OPENED]
    assert history.see(guarded(users=-HOUR), after=HOUR, moment=Moment.END) == []
    more = guarded(users=-HOUR, clients=2 * HOUR)
    assert history.see(more, after=HOUR, moment=Moment.END) == [REMINDER]
    assert dict(history.said[-1].alert.facts)["New"] == "clients"
    assert history.see(more, after=HOUR, moment=Moment.END) == []
    assert history.see(guarded(users=-HOUR), after=HOUR, moment=Moment.END) == []
    assert history.see(more, after=HOUR, moment=Moment.END) == []


def test_what_is_found_by_a_clock_that_was_ahead_is_not_told_at_every_look():
    history = History()
    history.see(guarded(users=-HOUR))
    ahead = guarded(users=-HOUR, clients=1000 * HOUR)
    said = [history.see(ahead, after=MINUTE, moment=Moment.END) for _ in range(30)]
    assert said == [[]] * 30
