"""Databases by pattern, from pass to pass: those that appear, vanish, or cannot be asked for."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from orchestrator.errors import PruneRefusedError, SourceError, SourceUnreachableError
from orchestrator.execution.context import Execution
from orchestrator.execution.find_databases import look_for_databases, recall_databases
from orchestrator.execution.prune.erase_series import find_erasable
from orchestrator.model.names import DatabaseName
from orchestrator.model.policy import Event, Policy, Source
from orchestrator.reconciler.passes import PassResult, run_pass
from tests.support.builders import a_desired_state, a_policy, a_series, a_source
from tests.support.in_memory_engine import InMemoryDatabase, InMemoryServer
from tests.unit.execution.world import World


@dataclass
class Servers:
    """Names the databases of a server; None is a server that is down."""

    server: InMemoryServer | None
    asked: list[str] = field(default_factory=list)

    def list_databases(self, source: Source) -> Sequence[DatabaseName]:
        self.asked.append(source.url.reveal())
        if self.server is None:
            raise SourceUnreachableError("no answer", next_step="start the server")
        return sorted(map(DatabaseName, self.server.databases))


def by_pattern(*patterns: str, named: tuple[str, ...] = ()) -> Policy:
    policy = a_policy(source=replace(a_source(databases=named), patterns=patterns))
    routes = tuple(replace(route, on=frozenset(Event)) for route in policy.alerts)
    return replace(policy, alerts=routes)


def a_world(*databases: str, patterns: tuple[str, ...] = ("app_*",)) -> World:
    world = World(desired=a_desired_state(by_pattern(*patterns)))
    world.server.databases = {name: InMemoryDatabase() for name in databases}
    return world


def process(world: World, *, is_up: bool = True) -> Execution:
    return replace(world.process(), servers=Servers(world.server if is_up else None))


def make_pass(world: World, *, is_up: bool = True) -> PassResult:
    return run_pass(process(world, is_up=is_up))


def backed_up(world: World) -> list[str]:
    return sorted({backup.series.database for backup in world.catalog.backups()})


def subjects(world: World) -> set[str]:
    return {one.cause.subject for one in world.catalog.incidents() if one.is_open}


def test_every_database_that_fits_is_a_series_of_its_own():
    world = a_world("app_a", "app_b", "other", patterns=("app_*", "*_a"))
    make_pass(world)
    assert backed_up(world) == ["app_a", "app_b"]


def test_a_database_that_appears_is_backed_up_by_the_next_pass():
    world = a_world("app_a")
    make_pass(world)
    world.server.databases["app_new"] = InMemoryDatabase()
    make_pass(world)
    assert backed_up(world) == ["app_a", "app_new"]
    assert make_pass(world).outcomes == ()


def test_a_database_that_vanishes_is_alerted_at_once_and_keeps_its_backups():
    world = a_world("app_a", "app_b")
    make_pass(world)
    del world.server.databases["app_b"]
    result = make_pass(world)
    assert result.outcomes == ()
    assert subjects(world) == {"database practice/app_b"}
    assert backed_up(world) == ["app_a", "app_b"]


def test_a_server_that_is_down_is_no_recovery_of_what_vanished_and_what_is_back_is_one():
    world = a_world("app_a", "app_b")
    make_pass(world)
    vanished = world.server.databases.pop("app_b")
    make_pass(world)
    make_pass(world, is_up=False)
    recalled = recall_databases(world.desired, world.catalog)
    assert subjects(world) == {"database practice/app_b"}
    assert recalled.policies[a_series().policy].source.found.gone == {"app_b"}

    world.server.databases["app_b"] = vanished
    make_pass(world)
    found = look_for_databases(world.desired, world.catalog, Servers(world.server))
    assert found.policies[a_series().policy].source.found.gone == frozenset()


def test_while_the_server_is_down_the_known_databases_stay_and_the_pass_says_that_it_is_not_done():
    world = a_world("app_a")
    make_pass(world)
    result = make_pass(world, is_up=False)
    assert [skipped.series for skipped in result.plan.skipped] == [a_series(database="app_a")]
    assert [reason.code for reason in result.unlisted] == ["ORC-201"]
    assert subjects(world) == set()


@pytest.mark.parametrize(("is_up", "code"), [(False, "ORC-201"), (True, "ORC-203")])
def test_a_pattern_that_stands_for_nothing_is_never_silence(*, is_up: bool, code: str):
    world = a_world("other")
    result = make_pass(world, is_up=is_up)
    assert [reason.code for reason in result.unlisted] == [code]
    assert [one.error.code for one in world.catalog.incidents()] == [code]


def test_a_server_is_asked_once_however_many_policies_it_has():
    other = replace(by_pattern("*"), name="other")
    servers = Servers(InMemoryServer(databases={"app_a": InMemoryDatabase()}))
    world = World()
    desired = a_desired_state(by_pattern("app_*"), other)
    found = look_for_databases(desired, world.catalog, servers)
    assert len(servers.asked) == 1
    assert all(one.source.databases == ("app_a",) for one in found.policies.values())


def test_a_declared_name_that_a_pattern_fits_too_is_one_series():
    world = a_world("app_a", "app_b")
    desired = a_desired_state(by_pattern("app_*", named=("app_b",)))
    servers = Servers(world.server)
    found = look_for_databases(desired, world.catalog, servers)
    again = look_for_databases(found, world.catalog, servers)
    (policy,) = again.policies.values()
    assert policy.source.databases == ("app_b", "app_a")
    assert policy.source.found.names == ("app_a",)


def test_a_server_that_hangs_is_given_up():
    world = a_world("app_a")
    forever = threading.Event()

    class Hanging(Servers):
        def list_databases(self, source: Source) -> Sequence[DatabaseName]:
            forever.wait()
            raise SourceError(source.engine, next_step="")

    found = look_for_databases(world.desired, world.catalog, Hanging(None), patience=0.01)
    forever.set()
    (policy,) = found.policies.values()
    assert policy.source.found.trouble is not None
    assert "within 0.01 s" in policy.source.found.trouble.what


def test_nothing_is_asked_where_no_policy_has_a_pattern():
    servers = Servers(None)
    desired = a_desired_state(a_policy())
    assert look_for_databases(desired, World().catalog, servers) is desired
    assert servers.asked == []


def test_only_what_vanished_may_be_erased_although_the_policy_is_there():
    world = a_world("app_a", "app_b")
    make_pass(world)
    del world.server.databases["app_b"]
    servers = Servers(world.server)
    found = look_for_databases(world.desired, world.catalog, servers)
    execution = replace(process(world), desired=found)
    assert find_erasable(a_series(database="app_b"), execution)
    with pytest.raises(PruneRefusedError):
        find_erasable(a_series(database="app_a"), execution)


def test_a_database_that_appears_is_no_change_of_the_policy():
    world = a_world("app_a")
    make_pass(world)
    world.server.databases["app_b"] = InMemoryDatabase()
    assert make_pass(world).plan.changes == ()
