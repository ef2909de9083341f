import re
from pathlib import Path

import pytest

from orchestrator.archive.details import decode_details
from orchestrator.archive.layout import marks_prefix
from orchestrator.archive.manifest import decode_manifest
from orchestrator.archive.marks import decode_mark
from orchestrator.archive.verification import damage_of_details, damage_of_object
from orchestrator.model.manifest import ObjectRole
from orchestrator.model.marks import Suspicion
from orchestrator.model.names import ObjectKey
from tests.support.archives import schema

PAGE = Path(__file__).parents[2] / "docs" / "archive-format.md"
DOCUMENTS = ("manifest", "details", "intent", "marker", "mark")


def example(name: str) -> bytes:
    match = re.search(
        rf"<!-- example: {name} -->\n```json\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL
    )
    assert match is not None
    return match[1].encode()


@pytest.mark.parametrize("name", ["manifest", "details", "mark"])
def test_the_examples_are_as_the_schemas_say(name: str):
    schema(name).check(example(name))


def test_the_example_manifest_and_details_make_one_backup():
    manifest, details = decode_manifest(example("manifest")), decode_details(example("details"))

    assert damage_of_details(manifest, details) == []
    described = next(item for item in manifest.objects if item.role is ObjectRole.DETAILS)
    assert damage_of_object(described, example("details")) is None


def test_the_example_mark_is_one_of_the_example_manifest():
    manifest = decode_manifest(example("manifest"))
    key = ObjectKey(f"{marks_prefix(manifest.path, manifest.backup)}suspicion.json")

    mark = decode_mark(example("mark"), key=key, path=manifest.path, backup=manifest.backup)

    assert isinstance(mark, Suspicion)


def undescribed(node: object, place: str = "") -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in undescribed(item, place)]
    if not isinstance(node, dict):
        return []
    found = (
        []
        if "properties" not in node
        else [
            f"{place}.{name}"
            for name, part in node["properties"].items()
            if "description" not in part
        ]
    )
    for name, part in node.items():
        found += undescribed(part, f"{place}.{name}")
    return found


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_property_of_a_schema_is_described(name: str):
    assert schema(name).document["description"]
    assert undescribed(dict(schema(name).document)) == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_names_every_document(name: str):
    assert f"`{name}`" in PAGE.read_text("utf-8")
