from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from orchestrator.archive.layout import PROBE_PREFIX
from orchestrator.cli.doctor.findings import exit_code_of
from orchestrator.cli.exit_codes import ExitCode
from orchestrator.errors import (
    DestinationFullError,
    Kind,
    MissingPrivilegeError,
    SourceUnreachableError,
)
from orchestrator.execution.attach_destination import attach_destination
from orchestrator.execution.preflight.inspect_destination import inspect_destination
from orchestrator.execution.preflight.inspect_everything import inspect_everything
from orchestrator.model.names import DatabaseName, ObjectKey
from orchestrator.model.policy import Channel, Policy, Source
from orchestrator.ports.preflight import Finding, Severity, problem
from tests.support.builders import a_desired_state, a_policy, a_source
from tests.unit.execution.world import LOCAL, World

DOWN = problem("server db:5432", SourceUnreachableError("it is down", next_step="start it"))
NO_GRANT = problem("practice/app", MissingPrivilegeError("no grant", next_step="GRANT …"))


@dataclass
class Sources:
    """A server and its databases, with what was found there."""

    of_server: tuple[Finding, ...] = ()
    of_database: tuple[Finding, ...] = ()
    looked_at: list[str] = field(default_factory=list)

    def list_databases(self, source: Source) -> Sequence[DatabaseName]:
        return source.databases

    def inspect_server(self, policy: Policy) -> Sequence[Finding]:
        self.looked_at.append(f"server of {policy.name}")
        return self.of_server

    def inspect_database(self, policy: Policy, database: DatabaseName) -> Sequence[Finding]:
        self.looked_at.append(f"{policy.name}/{database}")
        return self.of_database

    def inspect_programs(self) -> Sequence[Finding]:
        return ()


class Channels:
    """Channels of which nothing is wrong."""

    def inspect_channel(self, channel: Channel) -> Sequence[Finding]:
        return [Finding(severity=Severity.NOTE, subject=f"channel {channel.name}", what="fine")]


def test_a_server_that_is_down_is_one_problem_for_all_its_policies_and_databases():
    first, second = a_policy(source=a_source(databases=["a", "b"])), a_policy("other")
    world, sources = World(desired=a_desired_state(first, second)), Sources(of_server=(DOWN,))
    found = inspect_everything(world.process(), sources, Channels())
    assert found[0] == DOWN
    assert [finding.severity for finding in found].count(Severity.PROBLEM) == 2 - 1
    assert not any("/" in looked for looked in sources.looked_at)


def test_no_problem_hides_another_one():
    world, sources = World(), Sources(of_database=(NO_GRANT,))
    world.objects[ObjectKey("strange.txt")] = b"somebody else's"
    found = inspect_everything(world.process(), sources, Channels())
    assert [(one.subject, one.code) for one in found] == [
        ("destination local", "ORC-304"),
        ("practice/app", "ORC-204"),
        ("channel ops", ""),
    ]


def test_a_destination_is_tried_by_effect_and_nothing_stays_there():
    world = World()
    assert inspect_destination(LOCAL, world.process()) == []
    assert world.objects == {}
    attach_destination(LOCAL, world.process())
    before = dict(world.objects)
    assert inspect_destination(LOCAL, world.process()) == []
    assert world.objects == before


def test_into_a_place_without_its_marker_not_even_a_probe_is_written():
    world = World()
    attach_destination(LOCAL, world.process())
    world.objects.clear()
    calls: list[str] = []
    (found,) = inspect_destination(LOCAL, world.process(before=calls.append))
    assert found.code == "ORC-303"
    assert "create" not in calls


def test_a_probe_that_a_kill_left_behind_keeps_nobody_from_using_the_place():
    world = World()
    world.objects[ObjectKey(f"{PROBE_PREFIX}0123")] = b"left behind"
    attach_destination(LOCAL, world.process())
    assert world.catalog.destination_marker(LOCAL) is not None


def test_a_place_that_takes_nothing_says_so():
    def full(call: str) -> None:
        if call == "create":
            raise DestinationFullError("no space left", next_step="make room")

    (found,) = inspect_destination(LOCAL, World().process(before=full))
    assert (found.code, found.severity) == ("ORC-302", Severity.PROBLEM)


@pytest.mark.parametrize(
    ("kinds", "code"),
    [
        ([], ExitCode.DONE),
        ([Kind.UNREACHABLE, Kind.UNREACHABLE], ExitCode.UNREACHABLE),
        ([Kind.UNREACHABLE, Kind.FAILED], ExitCode.PARTLY_DONE),
        ([Kind.FAILED], ExitCode.FAILED),
        ([Kind.REFUSED], ExitCode.REFUSED),
        ([Kind.REFUSED, Kind.FAILED], ExitCode.FAILED),
    ],
)
def test_the_exit_code_says_whether_all_is_a_matter_of_reaching(kinds: list[Kind], code: ExitCode):
    warning = Finding(severity=Severity.WARNING, subject="x", what="weak")
    assert exit_code_of([warning, *(replace(DOWN, kind=kind) for kind in kinds)]) is code
