"""One worker reads the next range while its last chunk is stored (design §10)."""

import threading
from typing import Any

from orchestrator.execution.executor import execute
from orchestrator.model.outcome import Failed, Succeeded
from orchestrator.ports.engine import ChunkReader
from tests.unit.execution.world import SERIES, World, a_backup_action

PATIENCE = 5.0
"""Seconds after which a thread that should be there already is taken for missing."""


class CountingReader:
    """Tells how many ranges were begun; ``second_begun`` is set with the second."""

    def __init__(self, inner: ChunkReader) -> None:
        self._inner = inner
        self.begun = 0
        self.second_begun = threading.Event()

    def read_table(self, *args: Any) -> int:  # noqa: ANN401 - passed on
        self._begin()
        return self._inner.read_table(*args)

    def read_large_objects(self, *args: Any) -> int:  # noqa: ANN401 - passed on
        self._begin()
        return self._inner.read_large_objects(*args)

    def _begin(self) -> None:
        self.begun += 1
        if self.begun > 1:
            self.second_begun.set()


def with_counting_reader(world: World) -> list[CountingReader]:
    readers: list[CountingReader] = []

    def count(inner: ChunkReader) -> CountingReader:
        readers.append(CountingReader(inner))
        return readers[-1]

    world.server.disguise_reader = count
    return readers


def is_storing_chunks() -> bool:
    return threading.current_thread().name.startswith("store-chunks")


def test_the_next_range_is_read_while_a_chunk_is_being_stored():
    world = World()
    readers = with_counting_reader(world)
    waited: list[bool] = []

    def hold_the_first_chunk_back(name: str) -> None:
        if name == "create" and is_storing_chunks() and not waited:
            waited.append(readers[0].second_begun.wait(PATIENCE))

    outcome = execute(a_backup_action(), world.process(hold_the_first_chunk_back, workers=1))
    assert isinstance(outcome, Succeeded)
    assert waited == [True]


def test_a_chunk_that_cannot_be_stored_stops_the_reading_and_names_the_cause():
    world = World()
    readers = with_counting_reader(world)

    def refuse(name: str) -> None:
        if name == "create" and is_storing_chunks():
            readers[0].second_begun.wait(PATIENCE)
            raise OSError(28, "No space left on device")

    outcome = execute(a_backup_action(), world.process(refuse, workers=1))
    assert isinstance(outcome, Failed)
    assert "OSError" in outcome.error.what
    assert readers[0].begun <= 3
    assert world.catalog.backups(SERIES) == []


def test_schema_globals_details_and_manifest_come_after_the_last_chunk():
    world = World()
    chunks_by_then: list[int] = []

    def look(name: str) -> None:
        if name == "create" and not is_storing_chunks():
            chunks_by_then.append(len(world.keys("/chunks/")))

    execute(a_backup_action(), world.process(look, workers=2))
    assert chunks_by_then[-4:] == [len(world.keys("/chunks/"))] * 4
    assert not any(chunks_by_then[:-4])
