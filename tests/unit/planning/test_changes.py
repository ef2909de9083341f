"""What changed in a policy since it was applied, told from the texts that the catalog remembers."""

import json
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestrator.model.contents import TableName
from orchestrator.model.names import DestinationName, PolicyName
from orchestrator.model.plan import ChangeKind, PolicyChange
from orchestrator.model.policy import Destination, Guard, Policy, TableSelection
from orchestrator.model.secret import Secret
from orchestrator.planning.changes.compare import Past, Remembered, compare_policies
from orchestrator.planning.changes.differences import find_differences
from orchestrator.planning.changes.document import (
    LEFT_OUT,
    read_document,
    retention_of,
    say_rules,
    write_document,
)
from orchestrator.planning.changes.explain import say_difference
from tests.support.builders import (
    a_desired_state,
    a_policy,
    a_retention,
    a_schedule,
    a_source,
)

NAME = PolicyName("practice")
POLICY = a_policy(retention=a_retention(daily="30d"))


def text_of(policy: Policy) -> str:
    return write_document(policy, a_desired_state(policy))


def said(before: Policy, after: Policy) -> list[str]:
    old, new = read_document(text_of(before)), read_document(text_of(after))
    assert old is not None
    assert new is not None
    return [say_difference(one) for one in find_differences(old, new)]


def remembered(
    *policies: Policy, in_force: bool = True, **texts: str
) -> Mapping[PolicyName, Remembered]:
    documents = {policy.name: text_of(policy) for policy in policies}
    return {
        PolicyName(name): Remembered(document=text, in_force=in_force)
        for name, text in {**documents, **texts}.items()
    }


def a_past(policies: Mapping[PolicyName, Remembered], **differently: object) -> Past:
    past = Past(policies=policies, undocumented=(), renames={}, is_same_revision=False)
    return replace(past, **differently)  # type: ignore[arg-type] -- a test names its fields


def compared(past: Past, *present: Policy) -> list[PolicyChange]:
    return list(compare_policies({one.name: text_of(one) for one in present}, past))


def kinds(past: Past, *present: Policy) -> dict[str, ChangeKind]:
    return {str(change.policy): change.kind for change in compared(past, *present)}


# ------------------------------------------------------------------ the document
def test_a_document_never_holds_the_value_of_a_secret():
    source = a_source("postgresql://backup:hidden@db/app")
    policy = replace(a_policy(source=source), heartbeat=Secret("https://hidden", "${env:BEAT}"))
    desired = a_desired_state(policy)
    local = DestinationName("local")
    places = {local: Destination(name=local, url="s3://key:hidden@bucket/path?token=hidden")}
    text = write_document(policy, replace(desired, destinations=places))
    assert "hidden" not in text
    assert "${env:DATABASE_URL}" in text
    assert "s3://bucket/path" in text


def test_every_field_of_a_policy_is_in_its_document():
    document = read_document(text_of(POLICY))
    assert document is not None
    assert {field.name for field in fields(Policy)} - LEFT_OUT == document.keys()


def test_equal_policies_have_equal_documents_whatever_the_order_of_their_maps():
    one, two = a_retention(daily="30d", monthly="1y"), a_retention(monthly="1y", daily="30d")
    assert text_of(replace(POLICY, retention=one)) == text_of(replace(POLICY, retention=two))


def test_the_rules_come_back_from_a_document():
    policy = replace(POLICY, retention=a_retention(min_keep=5, hourly="7d", monthly="1y"))
    document = read_document(text_of(policy))
    assert document is not None
    assert retention_of(document) == replace(policy.retention, prune_delay=timedelta(0))
    assert say_rules(document) == "hourly 7d, monthly 1y, min_keep 5"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2, "policy": {}}', '{"version": 1}'])
def test_a_text_of_another_version_is_no_document(text: str):
    assert read_document(text) is None


def test_rules_that_nobody_can_read_are_none():
    assert retention_of({"retention": {"tiers": {"daily": "30"}, "min_keep": 3}}) is None
    assert retention_of({"retention": {"tiers": {"secondly": "3d"}, "min_keep": 3}}) is None
    assert retention_of({}) is None


# ------------------------------------------------------------------ differences
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"retention": a_retention(daily="14d")}, "daily 30d -> 14d"),
        ({"retention": a_retention(daily="30d", monthly="1y")}, "monthly added: 1y"),
        ({"retention": a_retention(weekly="1y")}, "daily removed, was 30d"),
        ({"retention": a_retention(daily="30d", min_keep=5)}, "min_keep 3 -> 5"),
        ({"timezone": ZoneInfo("Europe/London")}, "timezone UTC -> Europe/London"),
        ({"zstd_level": 9}, "compression.zstd 3 -> 9"),
        (
            {"schedules": (a_schedule("daily", "0 3 * * *"),)},
            "schedules.daily.cron 0 2 * * * -> 0 3 * * *",
        ),
        (
            {"schedules": ()},
            (
                "schedules.daily removed, was cron 0 2 * * *, catch_up 6h, grace 30m; its slots are"
                " nobody's promise any more"
            ),
        ),
        (
            {"schedules": (a_schedule(), a_schedule("weekly", "0 5 * * 0"))},
            (
                "schedules.weekly added: cron 0 5 * * 0, catch_up 6h, grace 30m; it promises nothing"
                " before it is applied"
            ),
        ),
        (
            {"tables": TableSelection(exclude=("public.sessions",))},
            "tables.exclude added: [public.sessions]",
        ),
        (
            {"guards": (Guard(table=TableName("public", "users"), min_rows=1),)},
            "guards.public.users added: min_rows 1",
        ),
        (
            {"source": a_source(databases=["app", "wages"])},
            "source.databases [app] -> [app, wages]",
        ),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value)[:30],
)
def test_a_difference_is_said_in_the_words_of_the_policy_file(
    changed: dict[str, object], sentence: str
):
    after = replace(POLICY, **changed)  # type: ignore[arg-type] -- a test names its fields
    assert sentence in said(POLICY, after)


def test_a_destination_that_is_dropped_keeps_its_copies():
    dropped = said(replace(POLICY, destinations=("local", "offsite")), POLICY)
    assert len(dropped) == 1
    assert dropped[0].startswith("destinations.offsite removed, was url ")
    assert dropped[0].endswith("; the copies there stay, and nothing prunes them")


def test_an_alert_that_is_routed_elsewhere_is_named_by_its_channel():
    after = a_policy(retention=POLICY.retention, alerts_to=["mail"])
    added, removed = sorted(said(POLICY, after), key=lambda line: "removed" in line)
    assert added.startswith("alerts.mail added: on [failed]")
    assert removed.startswith("alerts.ops removed, was on [failed]")


def test_a_key_that_an_older_program_did_not_know_is_no_difference():
    document = json.loads(text_of(POLICY))["policy"]
    older = {key: value for key, value in document.items() if key != "zstd_level"}
    older["source"] = {k: v for k, v in document["source"].items() if k != "yield_after"}
    assert find_differences(older, document) == ()
    assert find_differences(document, older) == ()


# ------------------------------------------------------------------ which policies changed
def test_what_is_as_it_was_applied_is_no_change():
    assert kinds(a_past(remembered(POLICY)), POLICY) == {}


def test_new_changed_and_gone_policies_are_told_apart():
    other, gone = a_policy("other"), a_policy("gone")
    past = a_past(remembered(POLICY, gone))
    changed = replace(POLICY, zstd_level=1)
    assert kinds(past, changed, other) == {
        "other": ChangeKind.NEW,
        "practice": ChangeKind.CHANGED,
        "gone": ChangeKind.GONE,
    }


def test_a_policy_that_comes_back_is_compared_with_its_last_rules():
    past = a_past(remembered(POLICY, in_force=False))
    assert kinds(past) == {}
    (change,) = compared(past, replace(POLICY, zstd_level=1))
    assert change.kind is ChangeKind.BACK
    assert [one.key for one in change.differences] == ["compression.zstd"]


def test_a_renamed_policy_is_compared_with_what_its_former_name_was():
    past = a_past(remembered(POLICY), renames={NAME: PolicyName("former")})
    (change,) = compared(past, replace(POLICY, zstd_level=1))
    assert (change.kind, change.renamed_from) == (ChangeKind.RENAMED, "former")
    assert len(change.differences) == 1


def test_what_another_program_applied_is_said_to_be_unknown_once_the_files_change():
    before = a_past({}, undocumented=[NAME, PolicyName("gone")])
    assert kinds(before, POLICY) == {"practice": ChangeKind.UNKNOWN, "gone": ChangeKind.GONE}
    same = a_past({}, undocumented=[NAME], is_same_revision=True)
    assert kinds(same, POLICY) == {}
    later = a_past(remembered(practice='{"version": 99}'))
    assert kinds(later, POLICY) == {"practice": ChangeKind.UNKNOWN}


def test_a_document_that_only_says_more_is_no_change():
    document = json.loads(text_of(POLICY))
    del document["policy"]["zstd_level"]
    assert kinds(a_past(remembered(practice=json.dumps(document))), POLICY) == {}
