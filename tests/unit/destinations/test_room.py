"""What a file system says becomes the room that is ours."""

import os

from orchestrator.destinations.room import space_of
from orchestrator.model.space import Space

# bsize, frsize, blocks, bfree, bavail, files, ffree, favail, flag, namemax
EXT4 = (4096, 4096, 1000, 300, 250, 64, 10, 10, 0, 255)


def of_file_system(*numbers: int) -> Space:
    return space_of(os.statvfs_result(numbers))


def test_what_is_reserved_for_root_is_neither_free_nor_part_of_the_whole():
    assert of_file_system(*EXT4) == Space(free=250 * 4096, whole=950 * 4096)


def test_nothing_is_free_where_no_inode_is():
    without = (*EXT4[:7], 0, 0, 255)

    assert of_file_system(*without) == Space(free=0, whole=950 * 4096)


def test_a_file_system_that_counts_no_inodes_is_not_full_of_them():
    btrfs = (*EXT4[:5], 0, 0, 0, 0, 255)

    assert of_file_system(*btrfs).free == 250 * 4096


def test_a_quota_on_the_directory_is_its_whole():
    assert of_file_system(4096, 4096, 100, 40, 40, 64, 9, 9, 0, 255) == Space(
        free=40 * 4096, whole=100 * 4096
    )


def test_a_place_without_any_room_has_no_share():
    assert of_file_system(4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255).free_share == 0.0
