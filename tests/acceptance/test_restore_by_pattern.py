"""A restored database whose name fits a policy's pattern becomes one more database of that policy."""

from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Database

SAID = "of policy practice: once it is there, each pass backs it up as a database of its own"


@pytest.fixture
def place(tmp_path: Path, practice_database: Database) -> Workplace:
    pattern = f'databases: ["{practice_database.name}*"]'
    policy = POLICY.replace("lock_timeout: 3s", pattern)
    place = Workplace(tmp_path, practice_database.url, policy=policy)
    place.run("backup", "practice")
    return place


@pytest.mark.parametrize("way", [(), ("--dry-run",)])
def test_a_name_that_fits_the_pattern_is_warned_of(
    place: Workplace, practice_database: Database, way: tuple[str, ...]
):
    name = f"{practice_database.name}_copy"
    restored = place.run("restore", "latest", "--into-new", name, *way)
    assert f"warning: {name!r} fits {practice_database.name}* {SAID}" in restored.err


def test_names_and_servers_of_nobody_are_not_warned_of(
    place: Workplace, practice_database: Database
):
    other = f"copy_of_{practice_database.name}"
    restored = place.run("restore", "latest", "--into-new", other, "--dry-run")
    assert SAID not in restored.err


def test_the_same_host_and_port_is_the_same_server_whoever_names_it(
    place: Workplace, practice_database: Database
):
    name, url = f"{practice_database.name}_copy", place.database_url
    named = psycopg.conninfo.conninfo_to_dict(url)
    server = f"postgresql://{named['user']}@{named['host']}:{named['port']}/postgres"
    passwords = place.root / "pgpass"
    passwords.write_text(f"*:*:*:*:{named['password']}\n")
    passwords.chmod(0o600)
    place.extra["PGPASSFILE"] = str(passwords)
    restore = ("restore", "latest", "--into-new", name, "--at-server", server, "--dry-run")
    assert SAID in place.run(*restore).err
