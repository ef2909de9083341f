"""Series whose policy is no longer in the files: their backups stay as they are (design §3; F76)."""

from collections.abc import Iterable, Mapping

from orchestrator.model.names import Series
from orchestrator.model.policy import DesiredState
from orchestrator.ports.catalog import CatalogReader


def retired_among(series: Iterable[Series], desired: DesiredState) -> frozenset[Series]:
    """Return those of the series that no policy in force has, not even under a former name."""
    declared = {
        Series(name, one.database)
        for policy in desired.policies.values()
        for one in policy.series
        for name in (policy.name, policy.renamed_from)
        if name is not None
    }
    return frozenset(series) - declared


def count_retired(reader: CatalogReader, desired: DesiredState) -> Mapping[Series, int]:
    """Return how many backups each retired series still has; those without any are left out.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    known = (record.series for record in reader.series_records())
    counted = {one: len(reader.backups(one)) for one in sorted(retired_among(known, desired))}
    return {series: number for series, number in counted.items() if number}
