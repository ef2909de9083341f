"""What must be restored, what may be left out, and when each comes."""

import pytest

from orchestrator.engines.postgres.restore.publication.owners import described
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry, Section
from orchestrator.engines.postgres.restore.schema.entry_classes import Step, class_of, step_of
from orchestrator.model.contents import EntryClass


def an_entry(
    kind: str,
    name: str = "x",
    *,
    schema: str | None = "s",
    section: Section = Section.PRE_DATA,
    drop_statement: str = "DROP it;\n",
) -> ArchiveEntry:
    return ArchiveEntry(
        dump_id=1, kind=kind, schema=schema, name=name, owner="o", section=section,
        tablespace=None, definition=b"", drop_statement=drop_statement,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["TABLE", "TYPE", "FUNCTION", "SEQUENCE", "TABLE ATTACH", "CAST"])
def test_what_carries_rows_must_come_before_them(kind: str):
    entry = an_entry(kind)
    assert (class_of(entry), step_of(entry)) == (EntryClass.REQUIRED, Step.BEFORE_DATA)


@pytest.mark.parametrize("kind", ["INDEX", "CONSTRAINT", "FK CONSTRAINT", "TRIGGER", "POLICY"])
def test_what_guards_rows_must_come_after_them(kind: str):
    entry = an_entry(kind, section=Section.POST_DATA)
    assert (class_of(entry), step_of(entry)) == (EntryClass.REQUIRED, Step.AFTER_DATA)


def test_row_security_is_required_but_enabled_last():
    entry = an_entry("ROW SECURITY", section=Section.POST_DATA)
    assert (class_of(entry), step_of(entry)) == (EntryClass.REQUIRED, Step.LAST)


@pytest.mark.parametrize("kind", ["ACL", "COMMENT", "PUBLICATION", "SUBSCRIPTION", "EVENT TRIGGER"])
def test_accessories_come_last(kind: str):
    entry = an_entry(kind, section=Section.NONE)
    assert (class_of(entry), step_of(entry)) == (EntryClass.ACCESSORY, Step.LAST)


@pytest.mark.parametrize("kind", ["EXTENSION", "SERVER", "FOREIGN TABLE"])
def test_foundations_are_tried_in_their_place(kind: str):
    entry = an_entry(kind)
    assert (class_of(entry), step_of(entry)) == (EntryClass.ACCESSORY, Step.BEFORE_DATA)


def test_a_kind_that_nobody_knows_must_succeed():
    assert class_of(an_entry("QUANTUM TABLE")) is EntryClass.REQUIRED


def test_grants_on_the_database_are_not_taken_from_the_archive():
    entry = an_entry("ACL", "DATABASE app", schema=None, section=Section.NONE)
    assert step_of(entry) is Step.NEVER


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (an_entry("TABLE", 'we"ird'), 'TABLE "s"."we""ird"'),
        (an_entry("SCHEMA", schema=None), 'SCHEMA "x"'),
        (an_entry("FUNCTION", drop_statement="DROP FUNCTION s.f(a int);\n"), "FUNCTION s.f(a int)"),
        (an_entry("SEQUENCE", drop_statement=""), None),
        (an_entry("INDEX"), None),
    ],
    ids=["quoted", "no schema", "function", "identity", "no owner"],
)
def test_owners_are_given_by_the_name_that_alter_needs(entry: ArchiveEntry, words: str | None):
    assert described(entry) == words
