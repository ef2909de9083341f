"""Which policies are not as they were applied last."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.model.names import PolicyName
from orchestrator.model.plan import ChangeKind, PolicyChange
from orchestrator.planning.changes.differences import find_differences
from orchestrator.planning.changes.document import read_document

UNREADABLE = "another version of this program applied it: what changed since cannot be told"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A policy as it was applied last; not ``in_force`` once it was gone from the files."""

    document: str
    in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What was applied, by the names that policies have now.

    ``undocumented`` are policies that were applied by a program that did not remember how;
    ``renames`` gives the former name of those that are not carried over yet. Where
    ``is_same_revision``, the files are byte for byte what was applied.
    """

    policies: Mapping[PolicyName, Remembered]
    undocumented: Collection[PolicyName]
    renames: Mapping[PolicyName, PolicyName]
    is_same_revision: bool


def compare_policies(present: Mapping[PolicyName, str], past: Past) -> Iterator[PolicyChange]:
    """Given the documents of all policies, yield a change for each that is not as it was applied.

    Sorted by name, those that are gone last.
    """
    for name in sorted(present):
        change = _compare(name, present[name], past)
        if change is not None:
            yield change
    known = {name for name, one in past.policies.items() if one.in_force} | {*past.undocumented}
    for name in sorted(known - present.keys()):
        yield PolicyChange(policy=name, kind=ChangeKind.GONE)


def _compare(name: PolicyName, text: str, past: Past) -> PolicyChange | None:
    former, known = past.renames.get(name), past.policies.get(name)
    document = None if known is None else read_document(known.document)
    if known is not None and known.document == text and known.in_force and former is None:
        return None
    if document is None:
        return _unknown(name, former, past, is_known=known is not None)
    present = read_document(text)
    differences = () if present is None else find_differences(document, present)
    kind = _kind(former, is_in_force=known is not None and known.in_force)
    if kind is ChangeKind.CHANGED and not differences:
        # Only the program has changed: it writes down more than the one before it.
        return None
    return PolicyChange(policy=name, kind=kind, renamed_from=former, differences=differences)


def _kind(former: PolicyName | None, *, is_in_force: bool) -> ChangeKind:
    if former is not None:
        return ChangeKind.RENAMED
    return ChangeKind.CHANGED if is_in_force else ChangeKind.BACK


def _unknown(
    name: PolicyName, former: PolicyName | None, past: Past, *, is_known: bool
) -> PolicyChange | None:
    if former is not None:
        return PolicyChange(
            policy=name, kind=ChangeKind.RENAMED, renamed_from=former, notes=(UNREADABLE,)
        )
    if is_known or name in past.undocumented:
        if past.is_same_revision:
            return None
        return PolicyChange(policy=name, kind=ChangeKind.UNKNOWN, notes=(UNREADABLE,))
    return PolicyChange(policy=name, kind=ChangeKind.NEW)
