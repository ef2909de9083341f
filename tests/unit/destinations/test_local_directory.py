import errno
import os
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.destinations.local_directory import LocalDirectory, open_local_directory
from orchestrator.errors import (
    DestinationError,
    DestinationPermissionError,
    DestinationUnreachableError,
    ObjectMissingError,
)
from orchestrator.model.names import DestinationName, ObjectKey

NAME = DestinationName("local")
KEY = ObjectKey("practice/app/chunks/ab/abcd.copy.zst")
NOBODY = 65534


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def local(root: Path) -> LocalDirectory:
    return open_local_directory(NAME, root)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_files_and_directories_are_for_their_owner_alone(local: LocalDirectory, root: Path):
    local.create(KEY, b"x")
    modes = {path.stat().st_mode & 0o777 for path in [root, *root.rglob("*")] if path.is_dir()}
    assert modes == {0o700}
    assert (root / KEY).stat().st_mode & 0o777 == 0o600


def test_no_temporary_file_remains(local: LocalDirectory, root: Path):
    local.create(KEY, b"x")
    local.replace(KEY, b"y")
    local.move_aside(KEY)
    assert files(root) == [f"{KEY}.wrong-1"]


def test_leavings_of_killed_writers_are_never_listed(local: LocalDirectory, root: Path):
    local.create(KEY, b"x")
    (root / KEY).with_name(".tmp-0123").write_bytes(b"half")
    (root / ".tmp-4567").write_bytes(b"half")
    assert [info.key for info in local.list("")] == [KEY]


def test_leavings_older_than_a_day_are_removed_where_this_process_writes(root: Path):
    old, young = root / "a" / ".tmp-old", root / "a" / ".tmp-young"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"half")
    young.write_bytes(b"half")
    long_ago = time.time_ns() - 25 * 3600 * 10**9
    os.utime(old, ns=(long_ago, long_ago))
    open_local_directory(NAME, root).create(ObjectKey("a/b"), b"x")
    assert files(root) == ["a/.tmp-young", "a/b"]


def test_hidden_directories_and_lost_and_found_are_not_objects(local: LocalDirectory, root: Path):
    for name in ("lost+found", ".Trash-0"):
        (root / name).mkdir()
        (root / name / "x").write_bytes(b"x")
    assert list(local.list("")) == []


def test_a_missing_root_is_created_but_not_what_should_hold_it(tmp_path: Path):
    open_local_directory(NAME, tmp_path / "one").create(KEY, b"x")
    open_local_directory(NAME, tmp_path / "one").read(KEY)
    with pytest.raises(DestinationUnreachableError, match="is not there") as caught:
        open_local_directory(NAME, tmp_path / "mount" / "two")
    assert "mount" in caught.value.next_step
    assert files(tmp_path) == [f"one/{KEY}"]


def test_a_root_that_is_a_file_is_unreachable(root: Path):
    root.write_bytes(b"")
    with pytest.raises(DestinationUnreachableError, match="is not a directory"):
        open_local_directory(NAME, root)


def test_a_root_that_goes_away_is_never_taken_for_an_empty_one(local: LocalDirectory, root: Path):
    root.rmdir()
    for look in (local.read, local.stat, lambda key: local.create(key, b"x"), local.remove):
        with pytest.raises(DestinationUnreachableError, match="is not there"):
            look(KEY)
    with pytest.raises(DestinationUnreachableError):
        list(local.list(""))
    assert not root.exists()


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "a/../../x", "a//b", "a/", "./a", "a\0b", "a/.tmp-x"]
)
def test_what_is_no_key_is_refused(local: LocalDirectory, root: Path, key: str):
    for use in (local.read, local.stat, local.remove, local.move_aside):
        with pytest.raises(DestinationError, match="is not the key of an object"):
            use(ObjectKey(key))
    with pytest.raises(DestinationError, match="is not the key of an object"):
        local.create(ObjectKey(key), b"x")
    assert files(root.parent) == []


@pytest.fixture
def outside(tmp_path: Path, root: Path, local: LocalDirectory) -> Path:
    """A directory outside the root that symbolic links of the root lead to."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "secret").write_bytes(b"secret")
    (root / "a").mkdir()
    (root / "a" / "folder").symlink_to(folder)
    (root / "a" / "file").symlink_to(folder / "secret")
    assert local.name == NAME
    return folder


@pytest.mark.parametrize("key", ["a/folder/secret", "a/file"])
def test_no_symbolic_link_is_followed_for_reading(local: LocalDirectory, outside: Path, key: str):
    with pytest.raises(DestinationError):
        local.read(ObjectKey(key))
    assert list(local.list("")) == []
    assert files(outside) == ["secret"]


def test_no_symbolic_link_is_followed_for_writing(local: LocalDirectory, outside: Path):
    with pytest.raises(DestinationError):
        local.create(ObjectKey("a/folder/new"), b"x")
    with pytest.raises(DestinationError):
        local.create(ObjectKey("a/file"), b"x")
    with pytest.raises(DestinationError):
        local.remove(ObjectKey("a/folder/secret"))
    local.replace(ObjectKey("a/file"), b"x")
    assert (outside / "secret").read_bytes() == b"secret"
    assert files(outside) == ["secret"]


def test_what_is_no_regular_file_is_no_object(local: LocalDirectory, root: Path):
    os.mkfifo(root / "pipe")
    (root / "folder").mkdir()
    for name in ("pipe", "folder"):
        assert local.stat(ObjectKey(name)) is None
        with pytest.raises(ObjectMissingError):
            local.read(ObjectKey(name))
    assert list(local.list("")) == []


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_write_that_fails_in_the_middle_leaves_nothing(local: LocalDirectory, root: Path):
    local.create(ObjectKey("old"), b"old")
    with files_limited_to(100_000):
        with pytest.raises(DestinationError, match="abcd"):
            local.create(KEY, bytes(1_000_000))
        with pytest.raises(DestinationError, match="old"):
            local.replace(ObjectKey("old"), bytes(1_000_000))
    assert files(root) == ["old"]
    assert local.read(ObjectKey("old")) == b"old"


@contextmanager
def as_somebody_without_rights() -> Iterator[None]:
    """Root may write anywhere, so root becomes nobody; anyone else is refused as he is."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_what_may_not_be_written_is_a_matter_of_permission(tmp_path: Path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    local = LocalDirectory(NAME, closed)
    with as_somebody_without_rights(), pytest.raises(DestinationPermissionError) as caught:
        local.create(KEY, b"x")
    assert "right to read and write" in caught.value.next_step
    with as_somebody_without_rights(), pytest.raises(DestinationPermissionError):
        open_local_directory(NAME, closed / "new")
    assert files(closed) == []


def test_space_is_that_of_the_file_system(local: LocalDirectory, root: Path):
    found = os.statvfs(root)
    space = local.space()
    assert space is not None
    assert abs(space.free - found.f_bavail * found.f_frsize) < 1 << 30
    assert space.whole <= found.f_blocks * found.f_frsize


def test_no_file_descriptor_is_left_open(local: LocalDirectory):
    before = len(list(Path("/proc/self/fd").iterdir()))
    local.create(KEY, b"x")
    for use in (local.read, local.stat, local.move_aside, local.remove):
        use(KEY)
    with pytest.raises(DestinationError):
        local.create(ObjectKey(f"{KEY}.wrong-1/x"), b"x")
    next(local.list(""))
    with pytest.raises(ObjectMissingError):
        local.read(ObjectKey("practice/app"))
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
@pytest.mark.parametrize("call", ["write", "fsync", "link"])
def test_an_error_of_any_step_leaves_nothing_under_the_key(
    local: LocalDirectory, root: Path, monkeypatch: pytest.MonkeyPatch, code: int, call: str
):
    # A disk cannot be made to fail at a chosen step by an ordinary user, so the call itself fails.
    local.create(ObjectKey(f"{KEY}.other"), b"x")

    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(DestinationError, match=os.strerror(code)):
            local.create(KEY, b"rows")
    assert files(root) == [f"{KEY}.other"]
    local.create(KEY, b"rows")


# ---------------------------------------------------------------- directories of one backup
FOLDER = "practice/app/backups/20261122T020000Z-7f3a9c"
MANIFEST, MARK = ObjectKey(f"{FOLDER}/manifest.json"), ObjectKey(f"{FOLDER}/marks/hold-1.json")


def test_the_directories_of_a_backup_go_with_its_last_object(local: LocalDirectory, root: Path):
    for key in (MANIFEST, MARK, KEY):
        local.create(key, b"x")
    local.remove(MARK)
    assert not (root / FOLDER / "marks").exists()
    assert (root / MANIFEST).exists()
    local.remove(MANIFEST)
    local.remove(KEY)
    assert not (root / FOLDER).exists()
    assert (root / FOLDER).parent.is_dir()
    assert (root / KEY).parent.is_dir(), "other backups write there, too"


def test_a_directory_that_still_holds_a_file_of_somebody_else_stays(
    local: LocalDirectory, root: Path
):
    local.create(MANIFEST, b"x")
    (root / FOLDER / ".tmp-of-a-writer").write_bytes(b"half")
    local.remove(MANIFEST)
    assert (root / FOLDER / ".tmp-of-a-writer").exists()


def test_a_writer_beside_a_removal_stores_durably_or_fails_in_words(local: LocalDirectory):
    stop = threading.Event()

    def remove_again_and_again() -> None:
        while not stop.is_set():
            local.remove(MARK)

    remover = threading.Thread(target=remove_again_and_again)
    remover.start()
    try:
        for number in range(300):
            key = ObjectKey(f"{FOLDER}/marks/hold-{number + 2}.json")
            try:
                local.create(key, b"x")
            except DestinationError:
                assert local.stat(key) is None
            else:
                assert local.read(key) == b"x"
                local.remove(key)
    finally:
        stop.set()
        remover.join()
