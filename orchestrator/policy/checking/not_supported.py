"""Keys and values that the schema describes but that are not built yet: refused, never ignored."""

from collections.abc import Iterator

from orchestrator.policy.problems import ProblemLog, quoted
from orchestrator.policy.reading.nodes import (
    ListNode,
    Node,
    Path,
    ScalarNode,
    key_place_of,
    matches,
)

KEYS: tuple[Path, ...] = (
    ("destinations", "*", "required"),
    ("destinations", "*", "options"),
    ("policies", "*", "encryption"),
    ("policies", "*", "verify", "within"),
    ("policies", "*", "verify", "schedule"),
    ("policies", "*", "verify", "drill"),
)

DESTINATIONS: Path = ("policies", "*", "destinations")
DESTINATION_URL: Path = ("destinations", "*", "url")

LATER_SCHEMES = frozenset({"s3", "gs", "az", "abfs", "sftp", "rclone", "http", "https", "webdav"})


def find_not_supported(root: Node, log: ProblemLog) -> Iterator[Path]:
    """Report everything that is not supported yet, and yield the paths."""
    for key in KEYS:
        for path, _ in matches(root, key):
            log.report(key_place_of(root, path), f"{quoted(str(key[-1]))} is not supported yet")
            yield path
    yield from _later_values(root, log)
    yield from _further_destinations(root, log)


def _later_values(root: Node, log: ProblemLog) -> Iterator[Path]:
    for path, node in matches(root, DESTINATION_URL):
        if (
            isinstance(node, ScalarNode)
            and isinstance(node.value, str)
            and _has_later_scheme(node.value)
        ):
            # The url of an object store may carry a key: only its scheme is shown.
            what = f"{node.value.split(':')[0]}:"
            hint = "use a `file:` destination"
            log.report(node.place, f"{quoted(what)} is not supported yet", hint)
            yield path


def _further_destinations(root: Node, log: ProblemLog) -> Iterator[Path]:
    for path, node in matches(root, DESTINATIONS):
        if isinstance(node, ListNode) and len(node.items) > 1:
            log.report(
                node.items[1].place,
                "more than one destination for a policy is not supported yet",
                "keep one of them",
            )
            yield from ((*path, index) for index in range(1, len(node.items)))


def _has_later_scheme(url: str) -> bool:
    scheme, colon, _ = url.partition(":")
    return bool(colon) and scheme in LATER_SCHEMES
