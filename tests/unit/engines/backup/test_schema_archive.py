"""What pg_dump says although it ends well is not thrown away."""

import logging
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.engines.postgres.backup.schema_archive import DumpPrograms
from orchestrator.engines.postgres.programs import ClientPrograms

CIRCULAR = "pg_dump: warning: there are circular foreign-key constraints on this table:"


def a_program(folder: Path, name: str, *, says: str) -> DumpPrograms:
    """A program of that name that writes an archive's beginning and ends well."""
    program = folder / name
    program.write_text(f"#!/bin/sh\nprintf '%s' '{says}' >&2\nprintf 'PGDMP and more'\n")
    program.chmod(0o755)
    return DumpPrograms(
        programs=ClientPrograms(directory=folder, version=(17, 10)),
        connection_string="dbname=app",
        environment={},
        timeout=timedelta(seconds=20),
    )


def test_warnings_of_pg_dump_are_logged_and_fail_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    programs = a_program(tmp_path, "pg_dump", says=f"{CIRCULAR}\npg_dump: detail: employees\n")
    with caplog.at_level(logging.WARNING):
        assert programs.dump_schema("00000003-1", timedelta(seconds=1)) == b"PGDMP and more"
    (record,) = caplog.records
    assert (record.message, record.levelname) == ("client_program_warned", "WARNING")
    assert vars(record)["program"] == "pg_dump"
    assert vars(record)["words"] == f"{CIRCULAR} pg_dump: detail: employees"


def test_warnings_of_pg_dumpall_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    programs = a_program(tmp_path, "pg_dumpall", says="pg_dumpall: warning: odd")
    with caplog.at_level(logging.WARNING):
        programs.dump_globals()
    assert [vars(record)["words"] for record in caplog.records] == ["pg_dumpall: warning: odd"]


def test_a_program_that_says_nothing_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    with caplog.at_level(logging.WARNING):
        a_program(tmp_path, "pg_dump", says="").dump_schema("00000003-1", timedelta(seconds=1))
    assert caplog.records == []
