"""What runs that died left at the places is gone once its time has come (I3, I20)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from orchestrator.model.names import ObjectKey
from tests.simulation.copies import CopyChecks, require
from tests.simulation.world import World

LOOK = timedelta(days=8)
"""Everything at a place is looked at within a week, whatever happened."""
GRACE = timedelta(hours=31)
"""``max_duration`` and a day, which an object must have been seen unnamed before it may go."""

KEPT = ("/keys/", "/marks/")


@dataclass
class LeavingChecks:
    """Looks for objects that nothing names, by reading every manifest that lies beside them."""

    world: World
    copies: CopyChecks

    def list_orphans(self) -> set[tuple[str, ObjectKey]]:
        """Return the objects of declared series that no manifest names, by place and key.

        Where a manifest cannot be read nobody can know what it names; while a policy is paused, or
        nobody acknowledged yet that the catalog was rebuilt, nothing is collected.
        """
        paused = {str(pause.policy) for pause in self.world.catalog.pauses()}
        rebuilt = set(self.world.catalog.rebuilt_series())
        return {
            (place, key)
            for spec in self.world.specs.values()
            if spec.name not in paused
            for series in spec.policy().series
            if series not in rebuilt
            for place in spec.places
            for key in self._find(place, f"{series.policy}/{series.database}/")
        }

    def check_gone(self, before: set[tuple[str, ObjectKey]]) -> None:
        """Nothing is left of what was an orphan then, unless something names it now."""
        left = sorted(before & self.list_orphans())
        require(not left, "I20", f"{len(left)} objects are never collected: {left[:1]}")

    def _find(self, place: str, path: str) -> Iterator[ObjectKey]:
        keys = [key for key in self.world.objects(place) if key.startswith(path)]
        manifests = [key for key in keys if key.endswith("/manifest.json")]
        read = [self.copies.manifest_at(place, key) for key in manifests]
        if None in read or any((place, key) in self.world.harm for key in manifests):
            return
        named = {one["key"] for manifest in read if manifest for one in manifest["objects"]}
        folders = tuple(key.removesuffix("manifest.json") for key in manifests)
        for key in keys:
            is_part = key in named or key.startswith(folders)
            if not is_part and not any(part in key for part in KEPT):
                yield key
