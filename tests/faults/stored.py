"""What lies at a directory that is a destination, read without any code of the product."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

OWN = frozenset({".orchestrator-destination", "RESTORE.md"})


def manifests_at(root: Path) -> dict[str, dict[str, Any]]:
    """Return every manifest by the id of its backup; one that goes while this looks is left out."""
    found: dict[str, dict[str, Any]] = {}
    for path in root.rglob("manifest.json"):
        try:
            found[path.parent.name] = json.loads(path.read_bytes())
        except FileNotFoundError:
            continue
    return found


def missing_at(root: Path, manifest: dict[str, Any]) -> Iterator[str]:
    """Yield every object of a manifest that is not there, or is not what the manifest says."""
    for stored in manifest["objects"]:
        try:
            data = (root / stored["key"]).read_bytes()
        except FileNotFoundError:
            yield f"{stored['key']} is missing"
            continue
        if sha256(data).hexdigest() != stored["sha256"]:
            yield f"{stored['key']} has other bytes"


def assert_nothing_named_is_missing(root: Path, when: str) -> None:
    for backup, manifest in manifests_at(root).items():
        assert [*missing_at(root, manifest)] == [], f"{when}: {backup}"


def orphans_at(root: Path) -> list[str]:
    """Return the keys of all objects that no manifest names and that belong to no backup.

    What a killed writer has not yet published (a hidden temporary file) is no object.
    """
    manifests = manifests_at(root)
    named = {stored["key"] for one in manifests.values() for stored in one["objects"]}
    keys = [path.relative_to(root) for path in root.rglob("*") if path.is_file()]
    return sorted(
        str(key)
        for key in keys
        if str(key) not in named | OWN
        and not key.name.startswith(".")
        and (".wrong-" in key.name or not set(key.parts) & manifests.keys())
    )
