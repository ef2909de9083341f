"""Which entries of the table of contents must be restored, and which may be left out visibly.

What carries data or guards it must succeed; the rest is recreated when the restoring role may
(reference/postgres.md §1, "Restoring", rule 3). A kind that is not listed here must succeed: what
we do not know may guard data.
"""

from enum import Enum

from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry, Section
from orchestrator.model.contents import EntryClass


class Step(Enum):
    """When an entry is recreated, and by whom."""

    NEVER = "never"
    """Rows, statistics and the archive's own settings: these come from elsewhere."""
    BEFORE_DATA = "before data"
    AFTER_DATA = "after data"
    LAST = "last"
    """After the comparison: what hides rows, acts by itself, or names roles."""


# What rows can live without, but definitions may build on: tried in its place, before the data.
_FOUNDATIONS = frozenset(
    {
        "EXTENSION",
        "FOREIGN DATA WRAPPER",
        "SERVER",
        "USER MAPPING",
        "FOREIGN TABLE",
    }
)

_LAST = frozenset(
    {
        "COMMENT",
        "SECURITY LABEL",
        "ACL",
        "DEFAULT ACL",
        "PUBLICATION",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "SUBSCRIPTION",
        "SUBSCRIPTION TABLE",
        "EVENT TRIGGER",
    }
)

# ROW SECURITY guards rows, so it is required, but whoever owns a table under FORCE ROW LEVEL
# SECURITY could not compare it any more.
_REQUIRED_LAST = frozenset({"ROW SECURITY"})

MAY_FAIL: frozenset[str] = frozenset({"INDEX", "INDEX ATTACH"})
"""What a restore leaves out if somebody asks for it; indexes of constraints are other kinds."""

MAY_BE_UNCHECKED: frozenset[str] = frozenset({"FK CONSTRAINT", "CHECK CONSTRAINT"})
"""Constraints that a restore makes without a look at the rows if somebody asks for it."""

MAY_BE_BROKEN: frozenset[str] = MAY_BE_UNCHECKED | {"CONSTRAINT", "INDEX ATTACH"}
"""Constraints, and what joins their indexes, that a restore leaves out if somebody asks for it."""

_FROM_ELSEWHERE = frozenset(
    {
        "ENCODING",
        "STDSTRINGS",
        "SEARCHPATH",
        "DATABASE",
        "DATABASE PROPERTIES",
        "TABLE DATA",
        "SEQUENCE SET",
        "MATERIALIZED VIEW DATA",
        "STATISTICS DATA",
        "BLOB",
        "BLOBS",
        "BLOB METADATA",
    }
)


def class_of(entry: ArchiveEntry) -> EntryClass:
    """Return whether an entry must be restored."""
    if entry.kind in _FOUNDATIONS or entry.kind in _LAST:
        return EntryClass.ACCESSORY
    return EntryClass.REQUIRED


def step_of(entry: ArchiveEntry) -> Step:
    """Return when an entry is recreated."""
    if entry.kind in _FROM_ELSEWHERE or _belongs_to_the_database(entry):
        return Step.NEVER
    if entry.kind in _LAST or entry.kind in _REQUIRED_LAST:
        return Step.LAST
    return Step.AFTER_DATA if entry.section is Section.POST_DATA else Step.BEFORE_DATA


def _belongs_to_the_database(entry: ArchiveEntry) -> bool:
    # Comment, grants and security labels of the database itself are properties, not definitions.
    return (
        entry.section is Section.NONE
        and entry.schema is None
        and entry.name.startswith("DATABASE ")
    )
