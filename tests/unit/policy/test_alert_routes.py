"""Who is told about what: routes, reminders, digests, and a policy's heartbeat."""

from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.model.policy import REMIND_EVERY, AlertRoute, Event
from tests.unit.policy.policy_text import (
    ENVIRONMENT,
    changed,
    desired,
    load,
    only_policy,
    problems,
    warnings,
)

ROUTES = "[{to: ops, on: [all]}]"


def with_routes(text: str) -> tuple[str, str]:
    return (ROUTES, text)


def test_all_is_every_event(tmp_path: Path):
    [route] = only_policy(tmp_path).alerts

    assert route == AlertRoute(to="ops", on=frozenset(Event), remind_every=REMIND_EVERY)


def test_a_route_is_taken_as_declared(tmp_path: Path):
    text = '[{to: ops, on: [missed, failed], remind_every: 12h, digest: {cron: "0  8 * * 1"}}]'
    [route] = only_policy(tmp_path, with_routes(text)).alerts

    assert route.on == {Event.FAILED, Event.MISSED, Event.DIGEST}
    assert (route.remind_every, route.digest) == (timedelta(hours=12), "0 8 * * 1")


@pytest.mark.parametrize("event", list(Event))
def test_every_event_can_be_routed(tmp_path: Path, event: Event):
    digest = ', digest: {cron: "0 8 * * 1"}' if event is Event.DIGEST else ""
    [route] = only_policy(
        tmp_path, with_routes(f"[{{to: ops, on: [{event.value}]{digest}}}]")
    ).alerts

    assert route.on == {event}


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("[{to: oops, on: [all]}]", "there is no channel `oops`; did you mean `ops`?"),
        ("[{to: ops, on: [faild]}]", "item 1 of `on` cannot be `faild`; did you mean `failed`?"),
        ("[{to: ops, on: [digest]}]", "nobody would ever be sent this digest"),
        (
            '[{to: ops, on: [all], digest: {cron: "0 8 30 2 *"}}]',
            "no date ever matches `0 8 30 2 *`",
        ),
        ('[{to: ops, on: [all], digest: {cron: "@weekly"}}]', "`@weekly` is not allowed"),
        ("[{to: ops, on: [all], remind_every: 12}]", "`remind_every` must be a duration"),
        ("[{to: ops, on: [all], remind_every: 1mo}]", "`remind_every` must be a duration"),
    ],
)
def test_a_wrong_route_is_reported_at_its_place(tmp_path: Path, routes: str, expected: str):
    [problem] = problems(tmp_path, changed(with_routes(routes)))

    assert problem.startswith("a.yaml:14:")
    assert expected in problem


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        ("[{to: ops, on: [failed]}]", "nobody is told about `missed`"),
        ("[{to: ops, on: [missed, corrupt]}]", "nobody is told about `failed`"),
        ("[{to: ops, on: [all], remind_every: 5m}]", "a reminder every 5m is a flood"),
        (
            "[{to: ops, on: [all]}, {to: ops, on: [failed]}]",
            "two routes tell `ops` about `failed`",
        ),
    ],
)
def test_what_is_unwise_is_a_warning(tmp_path: Path, routes: str, expected: str):
    [warning] = warnings(tmp_path, changed(with_routes(routes)))

    assert expected in warning


def test_two_routes_that_share_the_indispensable_events_are_no_warning(tmp_path: Path):
    routes = "[{to: ops, on: [failed]}, {to: ops, on: [missed]}]"

    assert warnings(tmp_path, changed(with_routes(routes))) == []


def test_a_policy_that_declares_no_alerts_has_those_of_the_settings(tmp_path: Path):
    settings = "settings: {alerts: [{to: ops, on: [failed, missed], remind_every: 6h}]}\n"
    expected = AlertRoute(
        to="ops", on=frozenset({Event.FAILED, Event.MISSED}), remind_every=timedelta(hours=6)
    )
    for own in ("", "    alerts: []\n"):
        text = changed((f"    alerts: {ROUTES}\n", own)) + settings

        assert desired(tmp_path, text).policies["practice"].alerts == (expected,)
        assert warnings(tmp_path, text) == []


def test_a_policy_that_declares_alerts_has_only_those(tmp_path: Path):
    settings = "settings: {alerts: [{to: ops, on: [failed, missed]}]}\n"

    [route] = desired(tmp_path, changed() + settings).policies["practice"].alerts
    assert route.on == frozenset(Event)


def test_routes_of_the_settings_are_checked_like_others(tmp_path: Path):
    [problem] = problems(tmp_path, changed() + "settings: {alerts: [{to: oops, on: [all]}]}\n")

    assert problem.startswith("a.yaml:15:26: there is no channel `oops`")


@pytest.mark.parametrize("own", ["", "    alerts: []\n"])
def test_a_policy_that_tells_nobody_is_a_warning(tmp_path: Path, own: str):
    found = warnings(tmp_path, changed((f"    alerts: {ROUTES}\n", own)))

    assert found == ["a.yaml:7:3: nobody is told when `practice` fails; add `alerts` to it"]


def with_heartbeat(text: str) -> tuple[str, str]:
    return ("    alerts:", f"    heartbeat: {text}\n    alerts:")


def test_a_heartbeat_is_a_secret(tmp_path: Path):
    text = changed(with_heartbeat('{url: "${env:BEAT}"}'))
    loaded = load(tmp_path, text, environment={**ENVIRONMENT, "BEAT": "https://hc.example/hidden"})

    assert loaded.desired is not None
    heartbeat = loaded.desired.policies["practice"].heartbeat
    assert heartbeat is not None
    assert heartbeat.reveal() == "https://hc.example/hidden"
    assert "hidden" not in repr(loaded)


def test_a_policy_without_a_heartbeat_has_none(tmp_path: Path):
    assert only_policy(tmp_path).heartbeat is None


@pytest.mark.parametrize("url", ["ftp://h/hidden", "hc-ping.com/hidden", "https://", "hidden"])
def test_a_heartbeat_that_cannot_arrive_is_a_problem(tmp_path: Path, url: str):
    text = changed(with_heartbeat('{url: "${env:BEAT}"}'))
    [problem] = load(tmp_path, text, environment={**ENVIRONMENT, "BEAT": url}).problems

    assert (problem.line, problem.column) == (14, 22)
    assert "is not the address of a heartbeat" in problem.message
    assert "hidden" not in str(problem)


def test_a_heartbeat_is_not_looked_at_without_secrets(tmp_path: Path):
    text = changed(with_heartbeat('{url: "${env:BEAT}"}'))
    loaded = load(tmp_path, text, without_secrets=True)

    assert loaded.problems == ()
