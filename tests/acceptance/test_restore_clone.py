"""Only what is proved to be a copy of the very rows that go counts as one: clones look like the source."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from orchestrator.archive.compression import decompress_blocks
from orchestrator.engines.postgres.restore.existing.database import PostgresExistingDatabase
from orchestrator.errors import RestoreError
from orchestrator.execution.context import Execution
from orchestrator.execution.replace.replace_tables import (
    ReplaceConsent,
    ReplaceRequest,
    prepare_replacement,
)
from orchestrator.model.secret import Secret
from orchestrator.policy.load import load_policies
from orchestrator.ports.destination import Destination
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution, existing_engine, safety_place
from tests.support.command_line import Workplace
from tests.support.postgres import Database, eventually
from tests.support.standby import caught_up, running_standby

SCHEMA = "CREATE TABLE notes (id int PRIMARY KEY, text text); INSERT INTO notes VALUES (1, 'first')"
STAGING = [(1, "first"), (2, "staging"), (3, "staging")]


@pytest.fixture
def place(tmp_path: Path, empty_database: Database) -> Workplace:
    empty_database.execute(SCHEMA)
    place = Workplace(tmp_path, empty_database.url)
    place.run("backup", "practice")
    passwords = tmp_path / "pgpass"
    passwords.write_text(f"127.0.0.1:*:*:*:{empty_database.server.cluster.password}\n")
    passwords.chmod(0o600)
    return replace(place, extra={"PGPASSFILE": str(passwords)})


@pytest.fixture
def clone(empty_database: Database, place: Workplace) -> Iterator[Database]:  # noqa: ARG001 - after the backup
    """A physical copy of the source on a server of its own, with rows of its own."""
    with running_standby(empty_database.server) as standby:
        copy = caught_up(standby, empty_database)
        copy.execute("SELECT pg_promote()")
        eventually(lambda: copy.execute("SELECT pg_is_in_recovery()") == [(False,)])
        copy.execute("INSERT INTO notes VALUES (2, 'staging'), (3, 'staging')")
        yield copy


def notes(database: Database) -> list[tuple[object, ...]]:
    return database.execute("SELECT id, text FROM notes ORDER BY 1")


def at_clone(clone: Database) -> list[str]:
    url = clone.url.replace(f":{clone.server.cluster.password}@", "@")
    name = clone.name
    return ["restore", "latest", "--into-existing", name, "--at-server", url, "--yes-replace", name]


def saved_rows(place: Workplace) -> bytes:
    (folder,) = (place.root / ".orchestrator" / "safety").iterdir()
    (table,) = json.loads((folder / "contents.json").read_bytes())["tables"]
    pieces = (folder / piece["file"] for piece in table["pieces"])
    return b"".join(b"".join(decompress_blocks(piece.read_bytes())) for piece in pieces)


def test_the_rows_of_a_clone_are_saved_from_the_clone_itself(
    place: Workplace, clone: Database, empty_database: Database
):
    result = place.run(*at_clone(clone))
    assert saved_rows(place) == b"1\tfirst\n2\tstaging\n3\tstaging\n"
    assert (notes(clone), notes(empty_database)) == ([(1, "first")], [(1, "first")])
    assert len(place.listed()) == 1, "nothing of the source had to be saved"
    assert "replaced 3 rows" in result.out
    assert "the SOURCE of policy" not in result.err
    assert "a clone" in result.err


def test_a_dry_run_says_that_a_clone_is_not_the_source(place: Workplace, clone: Database):
    found = place.run(*at_clone(clone), "--dry-run", "--json").document
    assert found["is_source"] is False
    assert "is not seen among the sessions" in found["why_not_source"]


def test_of_several_servers_in_the_url_none_is_taken_for_the_source(
    place: Workplace, clone: Database, empty_database: Database
):
    ports = f"{empty_database.server.cluster.port},{clone.server.cluster.port}"
    both = psycopg.conninfo.make_conninfo(
        empty_database.url, host="127.0.0.1,127.0.0.1", port=ports
    )
    name = empty_database.name
    empty_database.execute("INSERT INTO notes VALUES (9, 'new')")
    result = replace(place, database_url=both).run(
        "restore", "latest", "--into-existing", name, "--yes-replace", name
    )
    assert "names several servers" in result.err
    assert saved_rows(place) == b"1\tfirst\n9\tnew\n"


def opened(place: Workplace) -> tuple[Settings, Execution]:
    settings = Settings(
        policies=place.root / "policies",
        state=place.root / ".orchestrator",
        catalog=None,
        environment=place.environment,
    )
    desired = load_policies(settings.policies, environment=settings.environment).desired
    assert desired is not None
    return settings, build_execution(settings, desired, SilentProgress())


def test_a_backup_with_another_number_of_rows_than_what_goes_is_refused(
    place: Workplace, clone: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(PostgresExistingDatabase, "doubt_of", lambda *_: None)
    settings, execution = opened(place)
    (backup,) = execution.reader.backups()
    request = ReplaceRequest(
        database=clone.name,
        server_url=Secret(clone.url, "test"),
        tables=(),
        safety_place=lambda: safety_place(settings),
    )
    with (
        prepare_replacement(backup, request, existing_engine(settings), execution) as prepared,
        pytest.raises(RestoreError, match=r"public\.notes has 3 rows, and 1 in the backup"),
    ):
        prepared.carry_out(prove=False, consent=ReplaceConsent())
    assert notes(clone) == STAGING


def test_who_replaces_tables_says_so_at_the_place_that_is_read(place: Workplace, clone: Database):
    settings, execution = opened(place)
    (backup,) = execution.reader.backups()
    seen: list[Path] = []

    def look_and_open() -> Destination:
        seen.extend(path for path in place.stored_files() if "intents" in str(path))
        return safety_place(settings)

    request = ReplaceRequest(
        database=clone.name,
        server_url=Secret(clone.url, "test"),
        tables=(),
        safety_place=look_and_open,
    )
    with prepare_replacement(backup, request, existing_engine(settings), execution) as prepared:
        assert not [path for path in place.stored_files() if "intents" in str(path)]
        prepared.carry_out(prove=False, consent=ReplaceConsent())
    assert len(seen) == 1
    assert not [path for path in place.stored_files() if "intents" in str(path)]
