"""Typed views of nodes for interpretation.

What is absent, broken, or not of the asked type reads as absent: whatever is wrong was reported
before, so interpretation never stops and never says it twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.policy.problems import Place
from orchestrator.policy.reading.nodes import BrokenNode, Entry, ListNode, MapNode, Node, ScalarNode


@dataclass(frozen=True, slots=True)
class Text:
    """Text that a user wrote, with its place."""

    place: Place
    value: str


@dataclass(frozen=True, slots=True)
class Section:
    """A mapping that a user wrote; an empty one where he wrote none."""

    place: Place
    node: Node | None

    def has(self, key: str) -> bool:
        """Whether the key is there, right or wrong."""
        return isinstance(self.node, MapNode) and key in self.node.entries

    def text(self, key: str) -> Text | None:
        """The text under a key."""
        return as_text(self._value(key))

    def number(self, key: str) -> int | None:
        """The whole number under a key."""
        match self._value(key):
            case ScalarNode(value=int() as number):
                return number
            case _:
                return None

    def texts(self, key: str) -> tuple[Text, ...]:
        """The texts of the list under a key."""
        found = (as_text(item) for item in self._items(key))
        return tuple(text for text in found if text is not None)

    def sections(self, key: str) -> tuple["Section", ...]:
        """The mappings of the list under a key."""
        return tuple(
            Section(item.place, item) for item in self._items(key) if isinstance(item, MapNode)
        )

    def section(self, key: str) -> "Section":
        """The mapping under a key."""
        entry = self._entry(key)
        return Section(self.place, None) if entry is None else Section(entry.key_place, entry.value)

    def named(self, key: str) -> Iterator[tuple[Text, "Section"]]:
        """The mappings under a key by their names; the broken ones are left out."""
        for name, entry in entries_of(self._value(key)).items():
            if not isinstance(entry.value, BrokenNode):
                yield Text(entry.key_place, name), Section(entry.key_place, entry.value)

    def place_of(self, key: str) -> Place:
        """Where the value of a key stands, or this section if it is absent."""
        value = self._value(key)
        return self.place if value is None else value.place

    def _entry(self, key: str) -> Entry | None:
        return self.node.entries.get(key) if isinstance(self.node, MapNode) else None

    def _value(self, key: str) -> Node | None:
        entry = self._entry(key)
        return None if entry is None else entry.value

    def _items(self, key: str) -> tuple[Node, ...]:
        value = self._value(key)
        return value.items if isinstance(value, ListNode) else ()


def as_text(node: Node | None) -> Text | None:
    """Return a node as text, or None if it is anything else."""
    match node:
        case ScalarNode(value=str() as value):
            return Text(node.place, value)
        case _:
            return None


def entries_of(node: Node | None) -> dict[str, Entry]:
    """Return the entries of a mapping, or none."""
    return dict(node.entries) if isinstance(node, MapNode) else {}
