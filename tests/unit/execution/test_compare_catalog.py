"""`catalog check` sees every difference between catalog and destination, and changes nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.archive.layout import MARKER_KEY
from orchestrator.archive.manifest import decode_manifest, encode_manifest
from orchestrator.execution.rebuild.compare_catalog import (
    Comparison,
    Difference,
    DifferenceKind,
    compare_catalog,
)
from orchestrator.execution.verification.verify_copy import verify_copy
from orchestrator.model.verification import Level
from tests.support.builders import a_desired_state, a_policy
from tests.unit.execution.lost_catalogs import (
    a_world_with,
    an_older_catalog,
    manifest_keys,
    rebuild,
    state_of,
    take_backups,
    without_catalog,
)
from tests.unit.execution.world import LOCAL, World


def compare(world: World) -> Comparison:
    before = state_of(world), dict(world.objects)
    comparison = compare_catalog(world.process())
    assert (state_of(world), world.objects) == before, "nothing is changed"
    return comparison


def only_difference(world: World) -> Difference:
    (difference,) = compare(world).differences
    assert difference.next_step
    return difference


def test_what_was_just_backed_up_is_equal():
    comparison = compare(a_world_with(3))
    assert (comparison.manifests, comparison.differences, comparison.errors) == ({LOCAL: 3}, (), ())


def test_a_place_that_was_never_used_is_no_difference():
    comparison = compare(World())
    assert (comparison.manifests, comparison.differences, comparison.errors) == ({}, (), ())


def test_an_empty_catalog_in_front_of_backups_is_never_equal():
    lost = without_catalog(a_world_with(2))
    differences = compare(lost).differences
    assert [difference.kind for difference in differences] == [DifferenceKind.UNKNOWN] * 2
    assert "catalog rebuild --from local" in differences[0].next_step


def test_a_rebuilt_catalog_is_equal():
    lost = without_catalog(a_world_with(2))
    rebuild(lost)
    assert compare(lost).differences == ()


def test_an_older_catalog_does_not_know_the_newer_backups():
    world = a_world_with(1)
    older = replace(world, catalog=an_older_catalog(world))
    (newer,) = take_backups(world, 1)
    difference = only_difference(older)
    assert (difference.kind, difference.backup) == (DifferenceKind.UNKNOWN, newer.id)


def remove_manifest(world: World) -> None:
    del world.objects[manifest_keys(world)[0]]


def remove_everything(world: World) -> None:
    for key in [key for key in world.objects if key != MARKER_KEY]:
        del world.objects[key]


def rewrite_manifest(world: World) -> None:
    key = manifest_keys(world)[0]
    manifest = replace(decode_manifest(world.objects[key]), git_commit="c0ffee")
    world.objects[key] = encode_manifest(manifest)


def spoil_manifest(world: World) -> None:
    world.objects[manifest_keys(world)[0]] = b"{"


def remove_chunks(world: World) -> None:
    for key in world.keys("/chunks/"):
        del world.objects[key]


def lengthen_schema(world: World) -> None:
    world.objects[world.keys("schema.dump")[0]] += b"x"


@pytest.mark.parametrize(
    ("harm", "kind"),
    [
        (remove_manifest, DifferenceKind.MISSING),
        (remove_everything, DifferenceKind.MISSING),
        (rewrite_manifest, DifferenceKind.CHANGED),
        (spoil_manifest, DifferenceKind.CHANGED),
        (remove_chunks, DifferenceKind.INCOMPLETE),
        (lengthen_schema, DifferenceKind.INCOMPLETE),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_harm_to_a_listed_backup_is_seen(harm: Callable[[World], None], kind: DifferenceKind):
    world = a_world_with(1)
    harm(world)
    difference = only_difference(world)
    assert (difference.kind, difference.destination) == (kind, LOCAL)
    assert difference.backup == world.catalog.backups()[0].id
    assert f"`orchestrator verify {difference.backup}`" in difference.next_step


def test_damage_that_the_catalog_knows_is_no_difference():
    world = a_world_with(1)
    remove_chunks(world)
    verify_copy(world.catalog.backups()[0], LOCAL, Level.STORED, world.process())
    assert compare(world).differences == ()


def test_an_unreadable_manifest_that_nobody_knows_is_seen():
    lost = without_catalog(a_world_with(1))
    spoil_manifest(lost)
    assert only_difference(lost).kind is DifferenceKind.UNREADABLE


def test_a_destination_that_is_not_declared_any_more_is_said_to_be_out_of_reach():
    world = a_world_with(2)
    elsewhere = replace(world, desired=a_desired_state(a_policy(destinations=())))
    difference = only_difference(elsewhere)
    assert (difference.kind, difference.backup) == (DifferenceKind.OUT_OF_REACH, None)
    assert "2 copies" in difference.what


def test_a_destination_without_its_marker_is_an_error_and_never_equal():
    world = a_world_with(1)
    del world.objects[MARKER_KEY]
    comparison = compare(world)
    assert [error.code for error in comparison.errors] == ["ORC-303"]
    assert comparison.manifests == {}
