"""One policy file, read and checked by itself."""

from dataclasses import dataclass

from orchestrator.policy.checking.not_supported import find_not_supported
from orchestrator.policy.checking.shape import find_shape_problems
from orchestrator.policy.interpolation import find_misplaced_references
from orchestrator.policy.problems import ProblemLog
from orchestrator.policy.reading.nodes import MapNode, Node, Path, child, with_broken
from orchestrator.policy.reading.policy_files import PolicyFile
from orchestrator.policy.reading.strict_yaml import read_yaml

SECTIONS = ("policies", "destinations", "channels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file as a tree: as ``written``, and with what is wrong in it marked as broken.

    ``names_are_certain`` is false where a whole section is wrong, so that its names are unknown.
    """

    file: PolicyFile
    written: Node
    checked: Node
    names_are_certain: bool


def read_document(file: PolicyFile, log: ProblemLog) -> Document | None:
    """Return the document of a file, or None if it cannot be read; problems go to ``log``."""
    written = None if file.text is None else read_yaml(file.text, file.shown, log)
    if written is None:
        return None
    checked = written
    broken: set[Path] = set()
    # Each step leaves alone what the one before has reported.
    for find in (find_not_supported, find_misplaced_references, find_shape_problems):
        found = set(find(checked, log))
        checked = with_broken(checked, found)
        broken |= found
    return Document(
        file=file,
        written=written,
        checked=checked,
        names_are_certain=_names_are_certain(written, broken),
    )


def _names_are_certain(root: Node, broken: set[Path]) -> bool:
    sections = [child(root, section) for section in SECTIONS]
    wholes = [node.whole for node in (root, *sections) if isinstance(node, MapNode)]
    at_the_top = {path for path in broken if len(path) <= 1} - {("version",), ("settings",)}
    return all(wholes) and not at_the_top
