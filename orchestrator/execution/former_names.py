"""Which policies carry on the backups of a former name (`renamed_from`), and which cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.model.names import PolicyName
from orchestrator.model.policy import DesiredState
from orchestrator.ports.catalog import CatalogReader


@dataclass(frozen=True, slots=True, kw_only=True)
class Renames:
    """Former names by the new ones: those that the catalog must still be told of, and the refused.

    One is refused if both names have backups. One whose former name the catalog does not know, or
    that has nothing to carry on, is neither: it was carried over long ago.
    """

    pending: Mapping[PolicyName, PolicyName] = field(default_factory=dict)
    refused: Mapping[PolicyName, PolicyName] = field(default_factory=dict)


def find_renames(desired: DesiredState, reader: CatalogReader) -> Renames:
    """Return the renames that the policies ask for and that are not in the catalog yet.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    wanted = {
        policy.name: policy.renamed_from
        for policy in desired.policies.values()
        if policy.renamed_from is not None
    }
    if not wanted:
        return Renames()
    series = [record.series for record in reader.series_records()]
    known = {
        *(one.policy for one in series),
        *(applied.name for applied in reader.applied_policies()),
    }
    waiting = {new: old for new, old in wanted.items() if old in known}
    stored = {
        policy
        for policy in {*waiting, *waiting.values()}
        if any(reader.amount(one).backups for one in series if one.policy == policy)
    }
    return Renames(
        pending={new: old for new, old in waiting.items() if new not in stored},
        refused={new: old for new, old in waiting.items() if {new, old} <= stored},
    )
