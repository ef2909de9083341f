"""The directory of a destination is made by its first use alone, and by no look at it (design §6)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.destinations.opening import Destinations
from orchestrator.errors import DestinationError, ForeignDestinationError, OrchestratorError
from orchestrator.execution.attach_destination import (
    attach_destination,
    open_attached,
    open_if_attached,
)
from orchestrator.execution.context import Execution
from orchestrator.execution.measure_space import SpaceGauge
from orchestrator.execution.preflight.inspect_destination import inspect_destination
from orchestrator.execution.rebuild.compare_catalog import compare_catalog
from orchestrator.execution.rebuild.rebuild_catalog import rebuild_catalog
from orchestrator.model.policy import Destination
from orchestrator.ports.preflight import Severity
from tests.support.builders import a_desired_state, a_policy
from tests.unit.execution.world import LOCAL, World


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def execution(root: Path) -> Execution:
    declared = {LOCAL: Destination(name=LOCAL, url=root.as_uri())}
    desired = replace(a_desired_state(a_policy()), destinations=declared)
    return replace(World().process(), destinations=Destinations(declared), desired=desired)


@pytest.fixture
def moved(root: Path, execution: Execution) -> Execution:
    """A place that was used, and whose directory somebody moved away."""
    attach_destination(LOCAL, execution)
    root.rename(root.with_name("backups.away"))
    return execution


def test_the_first_use_makes_the_directory_and_the_next_finds_it(root: Path, execution: Execution):
    attach_destination(LOCAL, execution)
    before = sorted(root.iterdir())
    attach_destination(LOCAL, execution)
    assert sorted(root.iterdir()) == before != []


@pytest.mark.parametrize(
    "use", [attach_destination, open_attached, open_if_attached], ids=lambda use: str(use.__name__)
)
def test_a_known_place_whose_directory_is_gone_is_refused_and_not_made_again(
    use: Callable[..., object], root: Path, moved: Execution
):
    with pytest.raises(ForeignDestinationError, match="is not there") as caught:
        use(LOCAL, moved)
    assert "not mounted" in caught.value.next_step
    assert not root.exists()


def test_no_look_at_a_place_that_is_gone_makes_it_again(root: Path, moved: Execution):
    with pytest.raises(DestinationError, match="is not there"):
        rebuild_catalog(LOCAL, moved)
    [error] = compare_catalog(moved).errors
    [finding] = inspect_destination(LOCAL, moved)
    space = SpaceGauge().measure(moved)[LOCAL]

    assert isinstance(error, ForeignDestinationError)
    assert finding.code == "ORC-303"
    assert space.unmeasured is not None
    assert "is not there" in space.unmeasured.why
    assert not root.exists()


def test_a_place_that_was_never_used_is_tried_and_what_that_made_is_gone(
    root: Path, execution: Execution
):
    [finding] = inspect_destination(LOCAL, execution)
    assert finding.severity is Severity.NOTE
    assert finding.what == f"{root.as_uri()} is not there yet: the first backup makes it"
    assert not root.exists()


def test_one_whose_parent_is_gone_is_a_problem_and_no_part_of_it_is_made(
    root: Path, execution: Execution
):
    root.parent.rmdir()
    with pytest.raises(OrchestratorError, match="is not there"):
        attach_destination(LOCAL, execution)
    [finding] = inspect_destination(LOCAL, execution)
    assert (finding.severity, finding.code) == (Severity.PROBLEM, "ORC-301")
    assert not root.parent.exists()


def test_a_comparison_of_a_place_that_was_never_used_makes_nothing(
    root: Path, execution: Execution
):
    comparison = compare_catalog(execution)
    assert (comparison.manifests, comparison.differences, comparison.errors) == ({}, (), ())
    assert not root.exists()
