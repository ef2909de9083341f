"""What a swap says it did: nothing that nobody counted."""

import pytest

from orchestrator.cli.restoring.swap import _document, _print_report
from orchestrator.execution.replace.swap_databases import SwapReport
from orchestrator.execution.restore.restore_backup import RestoreReport
from orchestrator.ports.restoring.swapping import ChangedTable, SwapDifferences, SwapResult
from tests.support.builders import a_backup
from tests.support.marks import a_name


def a_report(differences: SwapDifferences | None) -> SwapReport:
    restored = RestoreReport(
        database="app_restored",
        tables=1,
        rows=2,
        size_bytes=4,
        seconds=0.1,
        skipped=(),
        proved=True,
    )
    notes = ("could not be counted",) if differences is None else ()
    result = SwapResult(differences, ended_sessions=1, notes=notes)
    return SwapReport(restored=restored, database="app", kept_as="app_before", result=result)


def test_what_nobody_counted_is_not_said_to_be_equal(capsys: pytest.CaptureFixture[str]):
    _print_report(a_backup(), a_report(None))
    said = capsys.readouterr()
    assert "number of rows" not in said.out
    assert "could not be counted" in said.err
    document = _document(a_backup(), a_report(None))
    assert (document["changed"], document["not_backed_up"]) == (None, None)


def test_excluded_tables_and_later_writes_are_two_lists(capsys: pytest.CaptureFixture[str]):
    found = SwapDifferences(
        written=(ChangedTable(name=a_name("notes"), then=2, now=1),),
        not_backed_up=(ChangedTable(name=a_name("sessions"), then=None, now=501),),
    )
    _print_report(a_backup(), a_report(found))
    assert capsys.readouterr().out.splitlines()[2:] == [
        "not backed up by the policy, and only there now:",
        "  public.sessions: 501 rows, not in the backup",
        "written since the backup, and only there now:",
        "  public.notes: 1 row, 2 in the backup (-1)",
    ]


def test_no_difference_is_said_of_the_tables_of_the_backup(capsys: pytest.CaptureFixture[str]):
    _print_report(a_backup(), a_report(SwapDifferences(written=(), not_backed_up=())))
    assert "no table of the backup has another number of rows there" in capsys.readouterr().out
