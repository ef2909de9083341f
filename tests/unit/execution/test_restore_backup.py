"""Restoring into a new database: digests first, compared, named last (fault F10)."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from orchestrator.errors import (
    CatalogError,
    DamagedBackupError,
    RestoreDiffersError,
    TargetExistsError,
    UsageError,
)
from orchestrator.execution.context import Execution
from orchestrator.execution.executor import execute
from orchestrator.execution.restore.restore_backup import (
    RestoreReport,
    restore_into_new,
    temporary_name,
)
from orchestrator.model.backup import Backup
from orchestrator.model.contents import SequenceState, SkippedEntry, Table, TableName
from orchestrator.model.names import DestinationName
from orchestrator.model.run import LogAction, LogOutcome
from tests.support.builders import a_copy, a_source
from tests.support.in_memory_engine import InMemoryNewDatabase, InMemoryTarget, table_name
from tests.unit.execution.world import SERIES, Opener, World, by_hand


@pytest.fixture
def world() -> World:
    world = World()
    execute(by_hand(), world.process())
    return world


def restore(
    world: World, execution: Execution | None = None, *, name: str = "again", prove: bool = True
) -> RestoreReport:
    (backup,) = world.catalog.backups(SERIES)
    return restore_into_new(
        backup,
        name=name,
        prove=prove,
        server_url=a_source().restore_url,
        execution=execution or world.process(),
    )


def restore_outcomes(world: World) -> Sequence[LogOutcome]:
    return [e.outcome for e in world.catalog.log() if e.action is LogAction.RESTORE]


def test_a_restored_database_equals_the_source_and_is_reported(world: World):
    report = restore(world)
    assert world.has_equal("again", "app")
    assert (report.database, report.tables, report.rows) == ("again", 3, 37)
    assert report.proved
    assert report.warnings == ()
    assert sorted(world.server.databases) == ["again", "app"]
    assert restore_outcomes(world) == [LogOutcome.STARTED, LogOutcome.SUCCEEDED]


def test_a_name_that_is_taken_is_refused(world: World):
    with pytest.raises(TargetExistsError):
        restore(world, name="app")
    assert restore_outcomes(world) == [LogOutcome.STARTED, LogOutcome.FAILED]


@pytest.mark.parametrize("name", ["", "x" * 64, "a\0b"], ids=["empty", "too long", "NUL"])
def test_a_name_that_no_server_takes_is_refused(world: World, name: str):
    with pytest.raises(UsageError):
        restore(world, name=name)


def test_a_temporary_name_fits_and_belongs_to_one_backup_and_name(world: World):
    (backup,) = world.catalog.backups(SERIES)
    long = "ü" * 31
    assert len(temporary_name(long, backup).encode()) <= 63
    assert temporary_name(long, backup).startswith("ü" * 20 + "_restoring_")
    assert temporary_name("a", backup) != temporary_name("b", backup)


def test_what_could_not_be_recreated_is_reported(world: World):
    left_out = SkippedEntry(kind="GRANT", name="clients", reason="role is missing")
    world.server.skipped_by_publish = (left_out,)
    assert restore(world).skipped == (left_out,)


@pytest.mark.parametrize("part", ["manifest.json", "details.json", "schema.dump", "/chunks/"])
def test_a_damaged_object_never_reaches_the_database(world: World, part: str):
    key = world.keys(part)[0]
    data = world.objects[key]
    world.objects[key] = data[:-1] + bytes([data[-1] ^ 1])
    with pytest.raises(DamagedBackupError):
        restore(world)
    assert "again" not in world.server.databases


def with_a_second_copy(world: World) -> tuple[Execution, Backup]:
    """The same backup also lies at ``offsite``, which the catalog and the process know."""
    offsite = DestinationName("offsite")
    second = World().place
    second._objects.update(world.objects)
    (backup,) = world.catalog.backups(SERIES)
    backup = replace(backup, copies=(*backup.copies, a_copy("offsite")))
    world.catalog.record_destination(
        offsite, world.catalog.destination_marker(backup.copies[0].destination) or ""
    )
    places: dict[DestinationName, Any] = {
        backup.copies[0].destination: world.place,
        offsite: second,
    }
    return replace(world.process(), destinations=Opener(places)), backup


@pytest.mark.parametrize("part", ["manifest.json", "details.json", "/chunks/"])
def test_an_object_that_one_copy_lacks_comes_from_another_and_that_is_said(world: World, part: str):
    execution, backup = with_a_second_copy(world)
    world.place.remove(world.keys(part)[0])
    url = a_source().restore_url
    report = restore_into_new(backup, name="again", prove=True, server_url=url, execution=execution)
    assert world.has_equal("again", "app")
    assert "the copy at local was passed over" in report.warnings[0]


class AlteredTarget(InMemoryTarget):
    """Something changes the new database before it is compared."""

    def __init__(self, world: World, change: Callable[[InMemoryNewDatabase], None]) -> None:
        super().__init__(world.server)
        self._change = change

    @override
    @contextmanager
    def create_database(self, *args: Any) -> Iterator[InMemoryNewDatabase]:
        with super().create_database(*args) as database:
            read_sequences = database.read_sequences

            def alter_and_read() -> Sequence[SequenceState]:
                self._change(database)
                return read_sequences()

            count_rows = database.count_rows

            def alter_and_count(tables: Sequence[Table]) -> Sequence[int]:
                self._change(database)
                return count_rows(tables)

            database.read_sequences = alter_and_read  # type: ignore[method-assign]  # broken on purpose
            database.count_rows = alter_and_count  # type: ignore[method-assign]  # the same
            yield database


def with_notes(*rows: bytes) -> Callable[[InMemoryNewDatabase], None]:
    def change(new: InMemoryNewDatabase) -> None:
        new.database.tables[table_name("public.Notes")] = list(rows)

    return change


def test_missing_rows_are_found_even_without_proof_and_the_name_is_not_given(world: World):
    target = AlteredTarget(world, with_notes(b"0\t\\N"))
    with pytest.raises(RestoreDiffersError, match=r"public\.Notes has 1 rows instead of 4"):
        restore(world, replace(world.process(), target=target), prove=False)
    assert "again" not in world.server.databases
    assert any("_restoring_" in name for name in world.server.databases)


def test_changed_rows_are_found_with_proof(world: World):
    target = AlteredTarget(world, with_notes(b"0\t\\N", b"1\t\\N", b"2\t\\N", b"3\tx"))
    with pytest.raises(RestoreDiffersError, match=r"the rows of public\.Notes differ"):
        restore(world, replace(world.process(), target=target))
    assert "again" not in world.server.databases


def test_changed_large_objects_are_found_with_proof(world: World):
    def change(new: InMemoryNewDatabase) -> None:
        new.database.large_objects[200] = b"other"

    target = AlteredTarget(world, change)
    with pytest.raises(RestoreDiffersError, match="large objects differ"):
        restore(world, replace(world.process(), target=target))


@pytest.mark.parametrize(
    ("states", "words"),
    [({}, "is missing"), ({table_name("public.clients_id_seq"): (1, True)}, "stands at 1, not 33")],
    ids=["missing", "behind"],
)
def test_a_sequence_that_differs_is_found_even_without_proof(
    world: World, states: dict[TableName, tuple[int, bool]], words: str
):
    def change(new: InMemoryNewDatabase) -> None:
        new.database.sequences = states

    target = AlteredTarget(world, change)
    with pytest.raises(RestoreDiffersError, match=words):
        restore(world, replace(world.process(), target=target), prove=False)
    assert "again" not in world.server.databases


class ForgetfulTarget(InMemoryTarget):
    """Its server takes one row less of each chunk than it got."""

    @override
    @contextmanager
    def create_database(self, *args: Any) -> Iterator[InMemoryNewDatabase]:
        with super().create_database(*args) as database:
            for loader in database.loaders:
                load = loader.load_table
                loader.load_table = lambda table, text, load=load: load(table, text) - 1  # type: ignore[method-assign, misc]  # broken on purpose
            yield database


def test_a_chunk_of_which_the_server_took_other_rows_stops_the_restore(world: World):
    target = ForgetfulTarget(world.server)
    with pytest.raises(RestoreDiffersError, match="the server took"):
        restore(world, replace(world.process(), target=target))
    assert "again" not in world.server.databases


def test_a_restore_that_cannot_be_logged_does_not_begin(world: World):
    def log_is_read_only(name: str) -> None:
        if name == "append_log":
            raise CatalogError("read-only", next_step="see its permissions")

    with pytest.raises(CatalogError, match="read-only"):
        restore(world, world.process(log_is_read_only))
    assert list(world.server.databases) == ["app"]
