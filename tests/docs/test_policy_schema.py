"""The schema is the manual: complete, true, and the same as what the program does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from orchestrator.model.policy import MAX_STANDBY_LAG, REMIND_EVERY, Event, OnUncovered, Tier
from orchestrator.policy.checking import not_supported
from orchestrator.policy.checking.shape import with_references_inlined
from orchestrator.policy.first_policy import FIRST_POLICY
from orchestrator.policy.interpolation import SECRET_FIELDS
from orchestrator.policy.interpreting import alerts, desired_state, policy, schedules, source
from orchestrator.policy.load import load_policies
from orchestrator.policy.syntax.durations import format_duration, parse_duration
from orchestrator.schemas import schema_text
from tests.unit.policy.policy_text import ENVIRONMENT, load

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads(schema_text("policy"))
INLINED = with_references_inlined(SCHEMA, SCHEMA["$defs"])


def properties(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Every property below a schema, with ``*`` for names and items, and whether it is a leaf."""
    for key, value in schema.get("properties", {}).items():
        yield (*path, key), value
        yield from properties(value, (*path, key))
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            yield from properties(schema[key], (*path, "*"))


ALL = dict(properties(INLINED))


def objects(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if schema.get("type") == "object":
        yield schema
    for value in schema.values():
        for inner in [value, *value.values()] if isinstance(value, dict) else []:
            if isinstance(inner, dict):
                yield from objects(inner)


def test_the_schema_is_a_valid_schema_of_2020_12():
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(SCHEMA)


def test_no_object_takes_keys_that_are_not_described():
    found = list(objects(INLINED))

    assert len(found) > 20
    assert all("additionalProperties" in schema for schema in found)
    assert all(s["additionalProperties"] is False or "propertyNames" in s for s in found)


@pytest.mark.parametrize("path", ALL, ids=".".join)
def test_every_property_has_a_description_and_examples_that_are_right(path: tuple[str, ...]):
    described = ALL[path]

    assert described["description"].endswith(".")
    assert described["examples"]
    for example in described["examples"]:
        Draft202012Validator(described).validate(example)
    if "default" in described:
        Draft202012Validator(described).validate(described["default"])


def test_secrets_are_expected_exactly_where_the_schema_says_write_only():
    assert {path for path, value in ALL.items() if value.get("writeOnly")} == set(SECRET_FIELDS)


INTERPRETED = {
    ("version",), ("policies",), ("destinations",), ("channels",), ("settings",),
    ("settings", "max_parallel"), ("channels", "*", "url"), ("destinations", "*", "url"),
    *(("policies", "*", key) for key in (
        "timezone", "source", "tables", "schedules", "retention", "destinations",
        "compression", "verify", "alerts", "renamed_from",
    )),
    *(("policies", "*", "source", key) for key in (
        "engine", "url", "restore_url", "databases",
        "lock_timeout", "stall_timeout", "max_duration", "max_standby_lag", "yield_after",
    )),
    *(("policies", "*", "tables", key) for key in ("include", "exclude", "on_uncovered")),
    *(("policies", "*", "schedules", "*", key) for key in ("cron", "catch_up", "grace")),
    *(("policies", "*", "retention", key) for key in ("tiers", "min_keep", "prune_delay")),
    *(("policies", "*", "retention", "tiers", tier.value) for tier in Tier),
    ("policies", "*", "compression", "zstd"),
    ("policies", "*", "verify", "after_backup"),
    ("policies", "*", "guards"),
    *(("policies", "*", "guards", "*", key) for key in ("table", "min_rows", "max_drop")),
    *(("policies", "*", "alerts", "*", key) for key in ("to", "on", "remind_every", "digest")),
    ("policies", "*", "alerts", "*", "digest", "cron"),
    ("policies", "*", "heartbeat"), ("policies", "*", "heartbeat", "url"),
    ("settings", "alerts"), ("settings", "alerts", "*", "digest", "cron"),
    *(("settings", "alerts", "*", key) for key in ("to", "on", "remind_every", "digest")),
    ("destinations", "*", "capacity"), ("destinations", "*", "low_storage"),
    *(("destinations", "*", "low_storage", key) for key in ("free_below", "full_within")),
}  # fmt: skip


def test_every_key_is_either_interpreted_or_refused_as_not_supported_yet():
    later = set(not_supported.KEYS)
    below_later = {path for path in ALL if any(path[: len(key)] == key for key in later)}

    assert later <= set(ALL)
    assert set(ALL) - below_later == INTERPRETED
    assert not below_later & INTERPRETED


def test_the_words_of_the_schema_are_the_words_of_the_model():
    events = ALL["policies", "*", "alerts", "*", "on"]["items"]["enum"]
    uncovered = ALL["policies", "*", "tables", "on_uncovered"]["enum"]

    assert set(events) == {event.value for event in Event} | {alerts.ALL}
    assert set(uncovered) == {value.value for value in OnUncovered}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("policies.*.timezone", policy.TIME_ZONE),
        ("policies.*.compression.zstd", policy.ZSTD_LEVEL),
        ("policies.*.verify.after_backup", policy.AFTER_BACKUP.label),
        ("policies.*.source.lock_timeout", format_duration(source.LOCK_TIMEOUT)),
        ("policies.*.source.stall_timeout", format_duration(source.STALL_TIMEOUT)),
        ("policies.*.source.max_duration", format_duration(source.MAX_DURATION)),
        ("policies.*.source.yield_after", format_duration(source.YIELD_AFTER)),
        ("policies.*.source.max_standby_lag", format_duration(MAX_STANDBY_LAG)),
        ("policies.*.schedules.*.grace", format_duration(schedules.GRACE)),
        ("policies.*.retention.min_keep", schedules.MIN_KEEP),
        ("settings.max_parallel", desired_state.MAX_PARALLEL),
    ],
)
def test_the_defaults_of_the_schema_are_those_of_the_program(key: str, value: object):
    assert ALL[tuple(key.split("."))]["default"] == value


@pytest.mark.parametrize("owner", ["policies.*", "settings"])
def test_the_default_of_reminders_is_that_of_the_model(owner: str):
    path = (*owner.split("."), "alerts", "*", "remind_every")

    assert parse_duration(ALL[path]["default"]) == REMIND_EVERY


def test_the_whole_format_yields_nothing_but_not_supported_yet(tmp_path: Path):
    text = (Path(__file__).parent / "whole_format.yaml").read_text()
    named = ("SLACK_URL", "SMTP_URL", "RESTORE_URL", "HEARTBEAT_URL", "DATABASE_URL")
    environment = dict.fromkeys(named, "postgresql://u@h/d") | {"HEARTBEAT_URL": "https://h/1"}

    loaded = load(tmp_path, text, environment=environment)

    assert len(loaded.problems) == 8
    assert {p.message.partition(" is not supported")[2] for p in loaded.problems} == {" yet"}


def test_the_first_policy_is_right_once_its_variable_is_set(tmp_path: Path):
    loaded = load(tmp_path, FIRST_POLICY, environment={"DATABASE_URL": "postgresql://u@h/d"})

    assert loaded.desired is not None
    assert [warning.hint for warning in loaded.warnings] == ["add `alerts` to it"]


def test_the_first_policy_is_right_with_everything_that_it_comments_out(tmp_path: Path):
    lines = FIRST_POLICY.replace("  # restore_url", "  restore_url").splitlines()
    optional = (
        "# channels:",
        "#   ops:",
        "#     url:",
        "    # alerts:",
        "    #   - to",
        "    #     on",
    )
    text = "\n".join(
        line.replace("# ", "", 1) if line.startswith(optional) else line for line in lines
    )

    loaded = load(tmp_path, text, environment={**ENVIRONMENT, "RESTORE_URL": "postgresql://r@h/d"})

    assert loaded.problems == ()
    assert loaded.warnings == ()


def test_the_policy_of_the_demo_is_right():
    loaded = load_policies(ROOT / "policies", environment=ENVIRONMENT)

    assert loaded.desired is not None
    assert [warning.message for warning in loaded.warnings] == [
        "the hourly tier is finer than the schedules"
    ]
    assert loaded.desired.policies["practice"].timezone.key == "Europe/London"
    assert loaded.desired.destinations["local"].url == (ROOT / "backups").as_uri()
