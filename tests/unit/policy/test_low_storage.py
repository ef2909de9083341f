"""When a destination has too little space: what may be declared."""

from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.model.policy import Destination, LowStorage
from orchestrator.policy.interpreting.destinations import interpret_low_storage
from orchestrator.policy.problems import ProblemLog
from orchestrator.policy.reading.section import Section
from orchestrator.policy.reading.strict_yaml import read_yaml
from tests.unit.policy.policy_text import changed, desired, problems

GIB = 2**30


def with_limits(text: str) -> tuple[str, str]:
    return ("url: file:./backups", f"url: file:./backups, {text}")


def only_place(folder: Path, limits: str) -> Destination:
    [place] = desired(folder, changed(with_limits(limits))).destinations.values()
    return place


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("{free_below: 10GiB}", LowStorage(free_below=10 * GIB)),
        ("{free_below: 512KiB}", LowStorage(free_below=512 * 1024)),
        ("{free_below: 10%}", LowStorage(free_below_share=10)),
        ("{full_within: 2w}", LowStorage(full_within=timedelta(weeks=2))),
        (
            "{free_below: 1TiB, full_within: 14d}",
            LowStorage(free_below=1024 * GIB, full_within=timedelta(days=14)),
        ),
    ],
)
def test_limits_are_taken_as_declared(tmp_path: Path, limits: str, expected: LowStorage):
    assert only_place(tmp_path, f"low_storage: {limits}").low_storage == expected


def test_a_capacity_is_in_bytes(tmp_path: Path):
    assert only_place(tmp_path, "capacity: 500GiB").capacity == 500 * GIB


def test_a_place_without_limits_has_none(tmp_path: Path):
    [place] = desired(tmp_path, changed()).destinations.values()

    assert (place.low_storage, place.capacity) == (None, None)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ("low_storage: {}", "`low_storage` asks for nothing"),
        ("low_storage: {free_below: 100%}", "less than `100%` is free wherever"),
        ("low_storage: {free_below: 10}", "`free_below` must be a size such as `10GiB`"),
        ("low_storage: {free_below: 10GB}", "`free_below` must be a size such as `10GiB`"),
        ("low_storage: {full_within: 3mo}", "`full_within` must be a duration"),
        ("capacity: 10%", "`capacity` must be a size with a unit"),
        (
            "capacity: 1GiB, low_storage: {free_below: 1024MiB}",
            "`1024MiB` can never be free where that much is all there is",
        ),
    ],
)
def test_a_wrong_limit_is_reported_at_its_place(tmp_path: Path, limits: str, expected: str):
    [problem] = problems(tmp_path, changed(with_limits(limits)))

    assert problem.startswith("a.yaml:5:")
    assert expected in problem


@pytest.mark.parametrize("limits", ["{free_below: 10%}", "{free_below: 1GiB}", "{full_within: 1d}"])
def test_limits_need_a_capacity_where_a_place_cannot_be_asked(limits: str):
    for capacity, expected in ((None, 1), (500 * GIB, 0)):
        log = ProblemLog()
        node = read_yaml(f"url: s3://bucket\nlow_storage: {limits}\n", "a.yaml", log)
        assert node is not None
        interpret_low_storage(Section(node.place, node), capacity, log)

        assert len(log.problems) == expected
        assert all("cannot be asked for its space" in str(problem) for problem in log.problems)
