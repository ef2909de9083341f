"""Which objects of a schema were added, removed or changed, in words."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from orchestrator.model.contents import TableName

_SHORT = 160
"""The longest definition, in characters, that is said in words; longer ones are only "changed"."""


class Change(Enum):
    """What became of something from the first state to the second."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaEntry:
    """One object of a schema; ``parts`` are what it consists of, by label.

    Labels are such as ``column email``, ``constraint positive``, ``owner``, or ``definition``.
    """

    kind: str
    name: str
    parts: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaDescription:
    """A whole schema. ``keys`` has the columns of one key of each table that has any.

    ``written_by`` names the program and major version that put the definitions into words.
    """

    entries: tuple[SchemaEntry, ...]
    keys: Mapping[TableName, tuple[str, ...]] = field(default_factory=dict)
    written_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """One part of an object that differs; None is a part that is not there."""

    label: str
    before: str | None
    after: str | None

    @property
    def words(self) -> str:
        """What happened to the part, in one line."""
        if self.before is None:
            return f"{self.label} added{_in_short(self.after)}"
        if self.after is None:
            return f"{self.label} removed{_in_short(self.before)}"
        if _is_short(self.before) and _is_short(self.after):
            return f"{self.label} changed from {self.before} to {self.after}"
        return f"{self.label} changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaChange:
    """One object that differs; ``parts`` are given only for one that is in both states."""

    kind: str
    name: str
    change: Change
    parts: tuple[PartChange, ...] = ()

    @property
    def words(self) -> str:
        """What happened to the object, in one line."""
        subject = f"{self.kind.lower()} {self.name} {self.change.value}"
        told = "; ".join(part.words for part in self.parts)
        return f"{subject}: {told}" if told else subject


def compare_schemas(
    before: SchemaDescription, after: SchemaDescription
) -> tuple[SchemaChange, ...]:
    """Return every object that differs, those of the first state in its order, then new ones."""
    return tuple(_changes(_by_identity(before), _by_identity(after)))


def _changes(
    before: Mapping[tuple[str, str], Mapping[str, str]],
    after: Mapping[tuple[str, str], Mapping[str, str]],
) -> Iterator[SchemaChange]:
    for (kind, name), parts in before.items():
        if (kind, name) not in after:
            yield SchemaChange(kind=kind, name=name, change=Change.REMOVED)
            continue
        changed = tuple(_part_changes(parts, after[kind, name]))
        if changed:
            yield SchemaChange(kind=kind, name=name, change=Change.CHANGED, parts=changed)
    for kind, name in after:
        if (kind, name) not in before:
            yield SchemaChange(kind=kind, name=name, change=Change.ADDED)


def _by_identity(description: SchemaDescription) -> Mapping[tuple[str, str], Mapping[str, str]]:
    """Index the entries; of several with one name each further one gets a number."""
    found: dict[tuple[str, str], Mapping[str, str]] = {}
    for entry in description.entries:
        name, number = entry.name, 1
        while (entry.kind, name) in found:
            number += 1
            name = f"{entry.name} ({number})"
        found[entry.kind, name] = entry.parts
    return found


def _part_changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[PartChange]:
    for label in dict.fromkeys([*before, *after]):
        if before.get(label) != after.get(label):
            yield PartChange(label=label, before=before.get(label), after=after.get(label))


def _is_short(text: str) -> bool:
    return len(text) <= _SHORT and "\n" not in text


def _in_short(text: str | None) -> str:
    return f" ({text})" if text and _is_short(text) else ""
