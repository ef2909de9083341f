"""What of a backup names roles: the restore fails, or leaves it out, where one of them is missing."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from orchestrator.engines.postgres.restore.publication.grants import read_grants
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.model.contents import DatabaseProperties, LargeObject

OWNS = "what it owns would stay with {role}"
GRANTS = "grants that name it"
MAPPINGS = "its user mappings"
SETTINGS = "its settings"

# As pg_dump --quote-all-identifiers writes them. Other names are passed over in whole: what is inside
# them is no keyword.
_NAME = r'"(?:[^"]|"")*"'
_NAMED = re.compile(rf"\b(?:TO|FROM|FOR|FOR ROLE|SESSION AUTHORIZATION) ({_NAME})|{_NAME}")
_POLICY = re.compile(
    rf"CREATE POLICY {_NAME} ON {_NAME}\.{_NAME}(?: AS \w+)?(?: FOR \w+)?"
    rf" TO ({_NAME}(?:, {_NAME})*)"
)
_NEEDS = {"ACL": GRANTS, "DEFAULT ACL": GRANTS, "USER MAPPING": MAPPINGS}


def role_needs(
    entries: Iterable[ArchiveEntry],
    properties: DatabaseProperties,
    large_objects: Sequence[LargeObject],
) -> Mapping[str, Sequence[str]]:
    """Return, for every role that something other than a policy names, what would be left out.

    All of it as it shall be owned and granted; ``OWNS`` has a place for the restoring role.
    """
    needs: dict[str, dict[str, None]] = defaultdict(dict)
    for role, need in sorted(_pairs(entries, properties, large_objects), key=_by_need):
        needs[role][need] = None
    return {role: list(of_role) for role, of_role in needs.items()}


def policy_roles(entries: Iterable[ArchiveEntry]) -> set[str]:
    """Return the roles that row security policies name: without one of them a restore fails."""
    found = (_POLICY.match(_text(entry).lstrip()) for entry in entries if entry.kind == "POLICY")
    return {_unquoted(name) for match in found if match for name in re.findall(_NAME, match[1])}


def _pairs(
    entries: Iterable[ArchiveEntry],
    properties: DatabaseProperties,
    large_objects: Sequence[LargeObject],
) -> Iterator[tuple[str, str]]:
    for entry in entries:
        if entry.owner:
            yield entry.owner, OWNS
        if entry.kind in _NEEDS:
            names = filter(None, _NAMED.findall(_text(entry)))
            yield from ((_unquoted(name), _NEEDS[entry.kind]) for name in names)
    for owner in (properties.owner, *(item.owner for item in large_objects)):
        yield owner, OWNS
    for acl in (properties.acl, *(item.acl for item in large_objects)):
        yield from ((grant.role, GRANTS) for grant in read_grants(acl or ()) if grant.role)
    yield from ((setting.role, SETTINGS) for setting in properties.settings if setting.role)


def _by_need(pair: tuple[str, str]) -> int:
    return (OWNS, GRANTS, MAPPINGS, SETTINGS).index(pair[1])


def _text(entry: ArchiveEntry) -> str:
    return entry.definition.decode("utf-8", "surrogateescape")


def _unquoted(name: str) -> str:
    return name[1:-1].replace('""', '"')
