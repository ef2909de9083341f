"""Strict YAML: text becomes a tree of nodes with positions, or problems.

The tree is built from the parser's events, not by PyYAML's composer: size and depth are checked
before anything is built, nothing recurses, and no tag constructs anything (faults S01-S03).
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, field

import yaml

from orchestrator.policy.problems import Place, ProblemLog, quoted
from orchestrator.policy.reading.characters import FORBIDDEN
from orchestrator.policy.reading.nodes import BrokenNode, Entry, ListNode, MapNode, Node, ScalarNode
from orchestrator.policy.reading.plain_scalars import AmbiguousError, resolve_plain

MOST_LEVELS = 20
MOST_NODES = 50_000
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _GiveUpError(Exception):
    """Reading this file cannot go on; the problem was reported."""


@dataclass(slots=True)
class _OpenList:
    place: Place
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class _Key:
    """A key that waits for its value; without a name, the value is read and left out."""

    place: Place
    name: str | None


@dataclass(slots=True)
class _OpenMap:
    place: Place
    entries: dict[str, Entry] = field(default_factory=dict)
    whole: bool = True
    key: _Key | None = None


def read_yaml(text: str, file: str, log: ProblemLog) -> Node | None:
    """Return the one document of a file, or None if it cannot be read; problems go to ``log``."""
    reader = _Reader(text, file, log)
    try:
        return reader.read()
    except _GiveUpError:
        return None


class _Reader:
    """Takes the events of one file."""

    def __init__(self, text: str, file: str, log: ProblemLog) -> None:
        self._text = text
        self._file = file
        self._log = log
        self._open: list[_OpenList | _OpenMap] = []
        self._root: Node | None = None
        self._nodes = 0
        self._documents = 0
        self._anchors: set[str] = set()

    def read(self) -> Node:
        """Read all events.

        Raises:
            _GiveUpError: the file cannot be read to its end.
        """
        # Closed by hand: a generator left half-way would keep libyaml's parser alive.
        with closing(self._events()) as events:
            for event in events:
                self._take(event)
        if self._root is None or (isinstance(self._root, ScalarNode) and self._root.value is None):
            self._log.report(
                Place(self._file, 1, 1), "the file is empty", "write `version: 1`, or remove it"
            )
            raise _GiveUpError
        return self._root

    def _events(self) -> Generator[yaml.Event, None, None]:
        try:
            yield from yaml.parse(self._text, Loader=LOADER)
        except yaml.MarkedYAMLError as error:
            self._report_syntax(error)
            raise _GiveUpError from error
        except yaml.YAMLError as error:
            self._log.report(Place(self._file, 1, 1), "this is not YAML")
            raise _GiveUpError from error

    def _report_syntax(self, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        what = " ".join(str(part) for part in (error.problem, error.context) if part)
        lines = self._text.splitlines()
        wrong = "\n".join(lines[max(0, line - 1) : line + 1])
        self._log.report(
            Place(self._file, line + 1, column + 1), f"this is not YAML: {what}", _hint(wrong)
        )

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        line, column = (mark.line, mark.column) if mark is not None else (0, 0)
        return Place(self._file, line + 1, column + 1)

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent():
                self._begin_document(event)
            case yaml.SequenceStartEvent():
                self._begin(event, _OpenList(self._place(event)))
            case yaml.MappingStartEvent():
                self._begin(event, _OpenMap(self._place(event)))
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._end()
            case yaml.ScalarEvent():
                self._count(event)
                self._add(self._scalar(event))
            case yaml.AliasEvent():
                self._count(event)
                self._add(self._alias(event))
            case _:
                return

    def _begin_document(self, event: yaml.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._give_up(event, "a file holds one document only", "move the rest to its own file")
        if event.version or event.tags:
            self._log.report(
                Place(self._file, 1, 1), "YAML directives are not allowed", "remove the `%` lines"
            )

    def _begin(self, event: yaml.CollectionStartEvent, opened: _OpenList | _OpenMap) -> None:
        self._count(event)
        self._check_anchor_and_tag(event)
        if len(self._open) >= MOST_LEVELS:
            self._give_up(event, f"there are more than {MOST_LEVELS} levels of nesting")
        self._open.append(opened)

    def _end(self) -> None:
        match self._open.pop():
            case _OpenList() as opened:
                self._add(ListNode(opened.place, tuple(opened.items)))
            case _OpenMap() as opened:
                self._add(MapNode(opened.place, opened.entries, opened.whole))

    def _count(self, event: yaml.NodeEvent) -> None:
        self._nodes += 1
        if self._nodes > MOST_NODES:
            self._give_up(event, f"there are more than {MOST_NODES} values in this file")

    def _give_up(self, event: yaml.Event, message: str, hint: str = "") -> None:
        self._log.report(self._place(event), message, hint)
        raise _GiveUpError

    def _check_anchor_and_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._anchors.add(event.anchor)
            self._log.report(
                self._place(event),
                f"anchors such as {quoted('&' + event.anchor)} are not allowed",
                "write the value out where it is needed",
            )
        if event.tag is not None:
            self._log.report(
                self._place(event), "tags are not allowed", "remove it; quote the value for text"
            )

    def _alias(self, event: yaml.AliasEvent) -> Node:
        # Where the anchor was reported, its uses are the same mistake.
        if event.anchor not in self._anchors:
            self._log.report(
                self._place(event),
                f"aliases such as {quoted('*' + str(event.anchor))} are not allowed",
                "quote text that begins with `*`",
            )
        return BrokenNode(self._place(event))

    def _scalar(self, event: yaml.ScalarEvent) -> Node:
        self._check_anchor_and_tag(event)
        place = self._place(event)
        text: str = event.value
        if event.tag is not None:
            return BrokenNode(place)
        if FORBIDDEN.search(text):
            self._log.report(place, "the text contains control characters", "remove its escapes")
            return BrokenNode(place)
        if not event.implicit[0]:
            return ScalarNode(place, text)
        try:
            return ScalarNode(place, resolve_plain(text))
        except AmbiguousError as error:
            self._log.report(
                place, f"{quoted(text)} {error}", "quote it for text, or write a plain number"
            )
            return BrokenNode(place)

    def _add(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        match self._open[-1]:
            case _OpenList() as opened:
                opened.items.append(node)
            case _OpenMap() as opened:
                self._add_to_map(opened, node)

    def _key(self, node: Node) -> _Key:
        match node:
            case ScalarNode(value="<<"):
                self._log.report(node.place, "merge keys are not allowed", "write the keys out")
            case ScalarNode(value=str() as name):
                return _Key(node.place, name)
            case BrokenNode():
                pass
            case _:
                self._log.report(node.place, "a key must be text", "quote it")
        return _Key(node.place, None)

    def _add_to_map(self, opened: _OpenMap, node: Node) -> None:
        if opened.key is None:
            opened.key = self._key(node)
        else:
            self._add_entry(opened, opened.key, node)
            opened.key = None

    def _add_entry(self, opened: _OpenMap, key: _Key, value: Node) -> None:
        if key.name is None:
            opened.whole = False
        elif key.name in opened.entries:
            first = opened.entries[key.name].key_place
            self._log.report(
                key.place,
                f"the key {quoted(key.name)} stands here twice, first on line {first.line}",
                "keep one of them",
            )
        else:
            opened.entries[key.name] = Entry(key.place, value)


def _hint(wrong_lines: str) -> str:
    if "${" in wrong_lines:
        return 'put quotes around references: "${env:NAME}"'
    if "\t" in wrong_lines:
        return "indent with spaces, not with tabs"
    return "check the indentation, the quotes and the brackets here and on the line before"
