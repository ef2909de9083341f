"""A YAML document as a tree of frozen nodes that know where they stand in the file.

A `BrokenNode` stands where a mistake was reported already: whoever meets one says nothing more.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from orchestrator.policy.problems import Place

ScalarValue: TypeAlias = str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]
"""The keys and list indexes that lead from the root to a node."""


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """Text, a number, a truth value, or nothing."""

    place: Place
    value: ScalarValue


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    place: Place
    items: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value with the place of its key."""

    key_place: Place
    value: "Node"


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping; ``whole`` is false where a key could not be used and was left out."""

    place: Place
    entries: Mapping[str, Entry]
    whole: bool = True


@dataclass(frozen=True, slots=True)
class BrokenNode:
    """A value that was reported as wrong."""

    place: Place


Node: TypeAlias = ScalarNode | ListNode | MapNode | BrokenNode


def plain(node: Node) -> object:
    """Return the node as plain Python values, as a JSON Schema validator takes them."""
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MapNode():
            return {key: plain(entry.value) for key, entry in node.entries.items()}
        case BrokenNode():
            return None


def child(node: Node, step: str | int) -> Node | None:
    """Return what a key or an index leads to, or None."""
    match node, step:
        case MapNode(), str() if step in node.entries:
            return node.entries[step].value
        case ListNode(), int() if step < len(node.items):
            return node.items[step]
        case _:
            return None


def descend(root: Node, path: Path) -> Iterator[Node]:
    """Yield the nodes on a path from the root on, as far as it exists."""
    node: Node | None = root
    yield root
    for step in path:
        node = child(node, step) if node is not None else None
        if node is None:
            return
        yield node


def place_of(root: Node, path: Path) -> Place:
    """Return where the last existing node of a path stands."""
    *_, last = descend(root, path)
    return last.place


def key_place_of(root: Node, path: Path) -> Place:
    """Return where the key at the end of a path stands; for a list's item, the item itself."""
    if not path:
        return root.place
    *_, parent = descend(root, path[:-1])
    key = path[-1]
    if isinstance(parent, MapNode) and isinstance(key, str) and key in parent.entries:
        return parent.entries[key].key_place
    return place_of(root, path)


def matches(root: Node, pattern: Path) -> Iterator[tuple[Path, Node]]:
    """Yield what a path with ``*`` for any key or index leads to, with the full paths."""
    found: list[tuple[Path, Node]] = [((), root)]
    for step in pattern:
        found = [
            ((*path, name), value)
            for path, node in found
            for name, value in _children(node)
            if step in ("*", name)
        ]
    yield from found


def _children(node: Node) -> Iterator[tuple[str | int, Node]]:
    match node:
        case MapNode():
            yield from ((key, entry.value) for key, entry in node.entries.items())
        case ListNode():
            yield from enumerate(node.items)
        case _:
            return


def scalars(node: Node, path: Path = ()) -> Iterator[tuple[Path, ScalarNode]]:
    """Yield every scalar below a node with its path."""
    if isinstance(node, ScalarNode):
        yield path, node
    for step, value in _children(node):
        yield from scalars(value, (*path, step))


def with_broken(node: Node, paths: Collection[Path], path: Path = ()) -> Node:
    """Return the tree with a `BrokenNode` at each of the paths."""
    if not paths:
        return node
    if path in paths:
        return BrokenNode(node.place)
    match node:
        case MapNode():
            entries = {
                key: Entry(entry.key_place, with_broken(entry.value, paths, (*path, key)))
                for key, entry in node.entries.items()
            }
            return MapNode(node.place, entries, node.whole)
        case ListNode():
            items = (
                with_broken(item, paths, (*path, index)) for index, item in enumerate(node.items)
            )
            return ListNode(node.place, tuple(items))
        case _:
            return node
