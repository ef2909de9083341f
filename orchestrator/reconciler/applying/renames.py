"""Carrying the backups of a policy over to its new name (design §3, `renamed_from`)."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, cast

from orchestrator.errors import SeriesLockedError
from orchestrator.execution.context import Execution
from orchestrator.execution.former_names import find_renames
from orchestrator.execution.lease.take_over import holder_is_gone
from orchestrator.model.lease import Lease
from orchestrator.model.names import PolicyName, Series
from orchestrator.model.plan import SkipKind, Skipped
from orchestrator.model.policy import DesiredState
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.ports.applied import AppliedPolicy
from orchestrator.ports.catalog import CatalogReader

Names = Mapping[PolicyName, PolicyName]


def carry_over(execution: Execution) -> Names:
    """Give what the catalog knows of each renamed policy its new name, one transaction for each.

    One that a run is at work on waits for the next pass; a run that died goes over with the rest,
    and is recovered under the new name. Returns the former names of those that wait, by the new.

    Raises:
        CatalogError: the catalog cannot be read or written.
    """
    pending = find_renames(execution.desired, execution.reader).pending
    return {new: old for new, old in pending.items() if not _carry_over(old, new, execution)}


def _carry_over(old: PolicyName, new: PolicyName, execution: Execution) -> bool:
    """Carry one policy over, and return whether nothing is left to carry."""
    entry = execution.log_entry(LogAction.RENAME, new, LogOutcome.SUCCEEDED, {"from": old})
    abandoned = [lease.fence for lease in _abandoned(old, new, execution)]
    try:
        execution.writer.record_renamed(old, new, abandoned=abandoned, entry=entry)
    except SeriesLockedError:
        # Whoever plans now sees the lease under the new name, and leaves the series alone.
        return False
    return True


def _abandoned(old: PolicyName, new: PolicyName, execution: Execution) -> Iterator[Lease]:
    now = execution.clock.now()
    for lease in execution.reader.leases():
        is_gone = holder_is_gone(lease, execution.machine, now)
        if lease.series.policy in (old, new) and is_gone:
            yield lease


def refused_renames(desired: DesiredState, reader: CatalogReader) -> tuple[Skipped, ...]:
    """Return, for each rename onto a policy that has backups of its own, that it is not done.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    refused = find_renames(desired, reader).refused
    return tuple(
        Skipped(
            series=series,
            kind=SkipKind.RENAME_REFUSED,
            reason=f"it does not carry on the backups of {refused[series.policy]}: both have"
            f" backups; those of {refused[series.policy]} stay as they are, and `renamed_from` can"
            " be removed",
        )
        for name in sorted(refused)
        for series in desired.policies[name].series
    )


def read_renamed(desired: DesiredState, reader: CatalogReader) -> CatalogReader:
    """Return a reader that shows the catalog as it will be once every rename is carried over.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    names = find_renames(desired, reader).pending
    # It answers whatever the reader answers, so it is one, which no type can tell.
    return cast("CatalogReader", _RenamedReader(reader, names)) if names else reader


class _RenamedReader:
    """Asks a reader by the former names of policies, and shows the answers under the new ones."""

    def __init__(self, reader: CatalogReader, names: Names) -> None:
        self._reader = reader
        self._former = names
        self._present = {old: new for new, old in names.items()}

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = getattr(self._reader, name)

        def ask(*asked: object, **by_name: object) -> object:
            answer = method(
                *(_renamed(one, self._former) for one in asked),
                **{key: _renamed(one, self._former) for key, one in by_name.items()},
            )
            return _renamed(answer, self._present)

        return ask


def _renamed(value: Any, names: Names) -> Any:  # noqa: ANN401 - whatever a reader takes or gives
    """Return a value with every series and policy in it under another name."""
    match value:
        case Series():
            return replace(value, policy=names.get(value.policy, value.policy))
        case AppliedPolicy():
            return replace(value, name=names.get(value.name, value.name))
        case Mapping():
            return {_renamed(key, names): _renamed(item, names) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return type(value)(_renamed(item, names) for item in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            return _renamed_record(value, names)
        case _:
            return value


def _renamed_record(value: Any, names: Names) -> Any:  # noqa: ANN401 - any value of the model
    said = {field.name: getattr(value, field.name) for field in fields(value)}
    new = {
        key: names.get(item, item) if key == "policy" else _renamed(item, names)
        for key, item in said.items()
    }
    changed = {key: item for key, item in new.items() if item is not said[key]}
    return replace(value, **changed) if changed else value
