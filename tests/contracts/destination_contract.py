"""What every destination promises (orchestrator/ports/destination.py).

An adapter's test file subclasses `DestinationContract` and gives the fixture ``destination``.
"""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC
from threading import Barrier

import pytest

from orchestrator.errors import (
    DestinationFullError,
    ObjectExistsError,
    ObjectMissingError,
)
from orchestrator.model.names import ObjectKey
from orchestrator.ports.destination import Destination

KEY = ObjectKey("practice/app/chunks/ab/abcd.copy.zst")
OTHER = ObjectKey("practice/app/backups/20261122T020000Z-7f3a9c/manifest.json")


def keys(destination: Destination, prefix: str) -> list[str]:
    return [info.key for info in destination.list(prefix)]


def replace_with_each(destination: Destination, versions: list[bytes]) -> None:
    for data in versions:
        destination.replace(KEY, data)


class DestinationContract:
    def test_an_object_is_read_as_it_was_created(self, destination: Destination):
        destination.create(KEY, b"\x00rows\xff")
        assert destination.read(KEY) == b"\x00rows\xff"

    def test_an_empty_object_is_an_object(self, destination: Destination):
        destination.create(KEY, b"")
        assert destination.read(KEY) == b""
        assert keys(destination, "") == [KEY]

    def test_an_object_below_no_folder_is_an_object(self, destination: Destination):
        marker = ObjectKey(".orchestrator-destination")
        destination.create(marker, b"m")
        assert destination.read(marker) == b"m"
        assert keys(destination, "") == [marker]

    def test_a_missing_object_cannot_be_read(self, destination: Destination):
        destination.create(OTHER, b"x")
        with pytest.raises(ObjectMissingError, match="abcd"):
            destination.read(KEY)

    def test_stat_tells_size_and_aware_time(self, destination: Destination):
        destination.create(KEY, b"four")
        info = destination.stat(KEY)
        assert info is not None
        assert (info.key, info.size, info.modified_at.tzinfo) == (KEY, 4, UTC)

    def test_stat_of_a_missing_object_is_none(self, destination: Destination):
        assert destination.stat(KEY) is None
        destination.create(KEY, b"x")
        assert destination.stat(ObjectKey(KEY.rpartition("/")[0])) is None

    def test_a_taken_key_is_refused_and_untouched(self, destination: Destination):
        destination.create(KEY, b"first")
        with pytest.raises(ObjectExistsError, match="abcd"):
            destination.create(KEY, b"second")
        assert destination.read(KEY) == b"first"
        assert keys(destination, "") == [KEY]

    def test_of_many_who_create_one_key_exactly_one_wins(self, destination: Destination):
        start = Barrier(8)

        def create(writer: int) -> bytes | None:
            start.wait(timeout=30)
            try:
                destination.create(KEY, bytes([writer]) * 100_000)
            except ObjectExistsError:
                return None
            return bytes([writer])

        with ThreadPoolExecutor(8) as pool:
            winners = [winner for winner in pool.map(create, range(8)) if winner is not None]
        assert len(winners) == 1
        assert destination.read(KEY) == winners[0] * 100_000
        assert keys(destination, "") == [KEY]

    def test_replace_stores_whether_or_not_it_is_there(self, destination: Destination):
        destination.replace(KEY, b"first")
        destination.replace(KEY, b"second")
        assert destination.read(KEY) == b"second"
        assert keys(destination, "") == [KEY]

    def test_a_reader_never_sees_half_a_replacement(self, destination: Destination):
        versions = [bytes([number]) * 200_000 for number in range(20)]
        destination.create(KEY, versions[0])
        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(replace_with_each, destination, versions)
            while not writing.done():
                assert destination.read(KEY) in versions
            writing.result()

    def test_what_is_moved_aside_frees_its_key(self, destination: Destination):
        destination.create(KEY, b"wrong")
        assert destination.move_aside(KEY) == f"{KEY}.wrong-1"
        assert destination.stat(KEY) is None
        destination.create(KEY, b"wrong again")
        assert destination.move_aside(KEY) == f"{KEY}.wrong-2"
        assert destination.read(ObjectKey(f"{KEY}.wrong-1")) == b"wrong"
        assert destination.read(ObjectKey(f"{KEY}.wrong-2")) == b"wrong again"

    def test_only_what_is_there_can_be_moved_aside(self, destination: Destination):
        with pytest.raises(ObjectMissingError):
            destination.move_aside(KEY)
        destination.create(OTHER, b"x")
        destination.create(ObjectKey(f"{KEY}.x"), b"x")
        with pytest.raises(ObjectMissingError):
            destination.move_aside(KEY)

    def test_a_removed_object_is_gone_and_its_key_free(self, destination: Destination):
        destination.create(KEY, b"x")
        destination.remove(KEY)
        assert destination.stat(KEY) is None
        assert keys(destination, "") == []
        destination.create(KEY, b"y")

    def test_removing_what_is_not_there_is_no_error(self, destination: Destination):
        destination.remove(KEY)
        destination.create(KEY, b"x")
        destination.remove(KEY)
        destination.remove(KEY)

    def test_a_list_is_sorted_by_whole_keys(self, destination: Destination):
        names = ["b", "a/x", "a-b/x", "a.b", "a.b.c/x", "a/x.y/z", "a/x-1", "ab", "A/z", "a/é"]
        for name in names:
            destination.create(ObjectKey(name), b"x")
        assert keys(destination, "") == sorted(names)

    def test_a_list_has_sizes(self, destination: Destination):
        destination.create(KEY, b"four")
        destination.create(OTHER, b"two")
        assert [(info.key, info.size) for info in destination.list("practice/")] == [
            (OTHER, 3),
            (KEY, 4),
        ]

    @pytest.mark.parametrize(
        ("prefix", "found"),
        [
            ("a/b", ["a/b/1", "a/b2", "a/bc/3"]),
            ("a/b/", ["a/b/1"]),
            ("a/b2", ["a/b2"]),
            ("a", ["a/b/1", "a/b2", "a/bc/3", "a1"]),
            ("a/b/1/", []),
            ("x/y/", []),
            ("b", []),
        ],
    )
    def test_a_prefix_may_end_anywhere(
        self, destination: Destination, prefix: str, found: list[str]
    ):
        for name in ("a/b/1", "a/b2", "a/bc/3", "a1"):
            destination.create(ObjectKey(name), b"x")
        assert keys(destination, prefix) == found

    def test_space_is_measured_or_unknown(self, destination: Destination):
        space = destination.space()
        assert space is None or 0 <= space.free <= space.whole


class FullDestinationContract:
    """For adapters that can be made full: ``full_destination`` has room for less than 1 MB."""

    def test_nothing_remains_of_what_does_not_fit(self, full_destination: Destination):
        with pytest.raises(DestinationFullError, match="1000000 bytes"):
            full_destination.create(KEY, bytes(1_000_000))
        assert full_destination.stat(KEY) is None
        assert keys(full_destination, "") == []

    def test_a_replacement_that_does_not_fit_leaves_the_old(self, full_destination: Destination):
        full_destination.create(KEY, b"old")
        with pytest.raises(DestinationFullError):
            full_destination.replace(KEY, bytes(1_000_000))
        assert full_destination.read(KEY) == b"old"

    def test_what_is_stored_takes_its_space(self, full_destination: Destination):
        before = full_destination.space()
        full_destination.create(KEY, bytes(500))
        after = full_destination.space()
        assert before is not None
        assert after is not None
        assert before.whole == after.whole < 1_000_000
        assert after.used - before.used >= 500
