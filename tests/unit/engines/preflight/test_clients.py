import pytest

from orchestrator.engines.postgres.preflight.clients import FIXED_IN, floor_of, holes_of

NEWEST = "CVE-2026-116314"


@pytest.mark.parametrize("version", [(18, 7), (17, 12), (16, 16), (15, 20), (14, 25), (19, 0)])
def test_the_newest_versions_have_no_known_hole(version: tuple[int, int]):
    assert holes_of(version) == []


@pytest.mark.parametrize("version", [(18, 6), (17, 11), (16, 15), (15, 19), (14, 24)])
def test_one_minor_version_less_has_the_newest_hole(version: tuple[int, int]):
    assert holes_of(version) == [NEWEST]


def test_a_major_version_that_is_mended_no_more_has_all_later_holes():
    assert holes_of((13, 23)) == [cve for cve, fixed in FIXED_IN.items() if 13 not in fixed]
    assert floor_of(13) is None


def test_a_major_version_that_came_after_a_hole_never_had_it():
    assert "CVE-2024-7348" not in holes_of((17, 0))


def test_the_floor_is_the_oldest_version_without_holes():
    for major in (14, 15, 16, 17, 18, 19):
        floor = floor_of(major)
        assert floor is not None
        assert holes_of(floor) == []
        assert floor[1] == 0 or holes_of((major, floor[1] - 1)) != []
