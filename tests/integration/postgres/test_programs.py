import shutil
from pathlib import Path

import pytest

from orchestrator.engines.postgres.programs import (
    BINDIR_VARIABLE,
    CLIENT_PROGRAMS,
    copy_for_others,
    embedded_programs,
    find_client_programs,
    reachable_by_others,
    read_version,
)
from orchestrator.errors import ClientProgramError


def _installation(parent: Path, version: str, programs: tuple[str, ...] = CLIENT_PROGRAMS) -> Path:
    """Programs that print a version as PostgreSQL's do."""
    directory = parent / version.split(maxsplit=1)[0] / "bin"
    directory.mkdir(parents=True)
    for name in programs:
        program = directory / name
        program.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        program.chmod(0o755)
    return directory


def test_the_embedded_programs_are_found_and_tell_their_version():
    programs = read_version(embedded_programs())
    assert programs.version[0] == 17
    assert Path(programs.path("pg_restore")).is_file()


def test_a_configured_directory_wins_even_if_others_are_newer(tmp_path: Path):
    old = _installation(tmp_path, "14.3")
    environment = {BINDIR_VARIABLE: str(old)}
    assert find_client_programs(environment=environment).directory == old
    assert find_client_programs(environment=environment, at_least=14).directory == old


def test_a_configured_directory_older_than_the_server_gives_way_to_one_that_fits(tmp_path: Path):
    environment = {BINDIR_VARIABLE: str(_installation(tmp_path, "13.3"))}
    assert find_client_programs(environment=environment, at_least=14).version[0] >= 14


def test_of_those_that_fit_one_of_the_servers_own_version_is_taken_else_the_newest(tmp_path: Path):
    same, newer, newest = (_installation(tmp_path, text) for text in ("97.3", "98.7", "99.1"))
    environment = {"PATH": f"relative:{same}:{newer}:{newest}"}
    assert find_client_programs(environment=environment, at_least=97).directory == same
    assert find_client_programs(environment=environment, at_least=96).directory == newest


def test_programs_on_the_path_that_anybody_could_have_replaced_are_not_used(tmp_path: Path):
    directory = _installation(tmp_path, "98.7")
    directory.chmod(0o777)
    with pytest.raises(ClientProgramError):
        find_client_programs(environment={"PATH": str(directory)}, at_least=98)


def test_a_server_newer_than_every_client_is_an_error_that_names_both_versions():
    with pytest.raises(ClientProgramError, match=r"server is PostgreSQL 97\b.* are 1\d\.") as error:
        find_client_programs(environment={}, at_least=97)
    assert "version 97 or newer" in error.value.next_step


@pytest.mark.parametrize(
    ("version", "expected"),
    [("15.18 (Debian 15.18-0+deb12u1)", (15, 18)), ("18beta1", (18, 0)), ("19devel", (19, 0))],
)
def test_the_versions_of_packages_and_previews_are_understood(
    tmp_path: Path, version: str, expected: tuple[int, int]
):
    assert read_version(_installation(tmp_path, version)).version == expected


def test_a_configured_directory_without_pg_restore_is_an_error_that_says_so(tmp_path: Path):
    directory = _installation(tmp_path, "17.1", ("pg_dump", "psql", "pg_dumpall"))
    with pytest.raises(ClientProgramError, match="has no pg_restore"):
        find_client_programs(environment={BINDIR_VARIABLE: str(directory)})


def test_a_relative_configured_directory_is_refused():
    with pytest.raises(ClientProgramError, match=BINDIR_VARIABLE):
        find_client_programs(environment={BINDIR_VARIABLE: "bin"})


def test_a_program_that_is_not_postgresqls_is_an_error(tmp_path: Path):
    directory = _installation(tmp_path, "17.1")
    (directory / "pg_dump").write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(ClientProgramError, match="does not run: hello"):
        read_version(directory)


def test_a_broken_installation_is_passed_over_unless_it_was_named(tmp_path: Path):
    directory = _installation(tmp_path, "98.7")
    (directory / "pg_dump").write_text("#!/bin/sh\nexit 1\n")
    assert find_client_programs(environment={"PATH": str(directory)}).directory != directory
    with pytest.raises(ClientProgramError, match="does not run"):
        find_client_programs(environment={BINDIR_VARIABLE: str(directory)})


def test_folders_on_the_path_that_are_missing_or_closed_are_passed_over(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o000)
    path = f"{closed}/bin:{tmp_path}/missing::/etc/passwd"
    assert find_client_programs(environment={"PATH": path}).version >= (14, 0)


def test_programs_in_a_private_folder_are_not_reachable_by_others_but_their_copy_is(
    tmp_path: Path,
):
    private = tmp_path / "home"
    shutil.copytree(embedded_programs().parent, private / "pginstall", symlinks=True)
    private.chmod(0o700)
    assert not reachable_by_others(private / "pginstall" / "bin")
    copy = copy_for_others(private / "pginstall" / "bin", tmp_path / "copy")
    assert copy == tmp_path / "copy" / "bin"
    assert read_version(copy).version == read_version(embedded_programs()).version
    assert (copy / "postgres").stat().st_mode & 0o777 == 0o755
