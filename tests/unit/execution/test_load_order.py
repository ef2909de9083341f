"""In which order chunks are loaded: tables keep the order of their rows (design §10)."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.execution.restore.load_chunks import LoadQueue, LoadTask
from orchestrator.model.contents import BlockRange
from tests.support.archives import a_chunk, a_table_data


def chunks_of(name: str, sizes: Sequence[int]) -> list[LoadTask]:
    """Chunks of one table, of these bytes of text each."""
    table = a_table_data(name).table
    return [
        LoadTask(table, replace(a_chunk(blocks=BlockRange(first, first + 1)), text_bytes=size))
        for first, size in enumerate(sizes)
    ]


def shown(task: LoadTask | None) -> tuple[str, int] | None:
    if task is None or task.table is None:
        return None
    return task.table.name.name, task.chunk.range.first


def test_a_worker_loads_a_table_from_its_first_chunk_to_its_last():
    queue = LoadQueue(chunks_of("t", [5, 9, 1]))
    first = queue.take(None)
    second = queue.take(first)
    third = queue.take(second)
    assert [shown(first), shown(second), shown(third)] == [("t", 0), ("t", 1), ("t", 2)]
    assert queue.take(third) is None


def test_the_largest_tables_are_begun_first_each_by_one_worker():
    queue = LoadQueue([*chunks_of("small", [1]), *chunks_of("b", [5, 5]), *chunks_of("a", [9, 9])])
    one, two = queue.take(None), queue.take(None)
    assert [shown(one), shown(two)] == [("a", 0), ("b", 0)]
    assert [shown(queue.take(one)), shown(queue.take(two))] == [("a", 1), ("b", 1)]


def test_a_table_that_nobody_began_comes_before_help_with_another():
    queue = LoadQueue([*chunks_of("large", [9, 9, 9]), *chunks_of("small", [1])])
    queue.take(None)
    other = queue.take(None)
    assert shown(other) == ("small", 0)
    assert shown(queue.take(other)) == ("large", 1)


def test_a_single_table_is_loaded_by_all_workers():
    queue = LoadQueue(chunks_of("t", [5, 5]))
    assert {shown(queue.take(None)), shown(queue.take(None))} == {("t", 0), ("t", 1)}
    assert queue.take(None) is None


@given(
    st.dictionaries(st.sampled_from("abcdef"), st.lists(st.integers(0, 9), min_size=1, max_size=5)),
    st.lists(st.integers(0, 2), max_size=40),
)
def test_every_chunk_is_handed_out_once_and_those_of_a_table_in_order(
    tables: dict[str, list[int]], turns: list[int]
):
    tasks = [task for name, sizes in tables.items() for task in chunks_of(name, sizes)]
    queue = LoadQueue(tasks)
    last: dict[int, LoadTask | None] = {}
    handed_out: list[LoadTask] = []
    for worker in [*turns, *range(len(tasks))]:
        task = queue.take(last.get(worker))
        if task is not None:
            last[worker] = task
            handed_out.append(task)
    assert sorted(map(str, handed_out)) == sorted(map(str, tasks))
    for name, sizes in tables.items():
        order = [shown(task) for task in handed_out if task.table and task.table.name.name == name]
        assert order == [(name, first) for first in range(len(sizes))]
