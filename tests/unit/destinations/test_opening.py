from pathlib import Path

import pytest

from orchestrator.destinations.opening import Destinations
from orchestrator.errors import (
    DestinationError,
    DestinationUnreachableError,
    NotSupportedYetError,
)
from orchestrator.model.names import DestinationName, ObjectKey
from orchestrator.model.policy import Destination

LOCAL = DestinationName("local")


def declared(url: str) -> Destinations:
    return Destinations({LOCAL: Destination(name=LOCAL, url=url)})


@pytest.mark.parametrize("folder", ["backups", "with space", "100%", "a#b?c", "é"])
def test_a_file_url_is_the_directory_that_it_names(tmp_path: Path, folder: str):
    places = declared((tmp_path / folder).as_uri())
    places.make(LOCAL)
    destination = places.open(LOCAL)
    destination.create(ObjectKey("x"), b"x")
    assert destination.name == LOCAL
    assert (tmp_path / folder / "x").read_bytes() == b"x"


def test_a_mount_that_is_gone_is_unreachable_and_no_part_of_it_is_made(tmp_path: Path):
    places = declared((tmp_path / "gone" / "backups").as_uri())
    for use in (places.open, places.is_there, places.make):
        with pytest.raises(DestinationUnreachableError):
            use(LOCAL)
    assert list(tmp_path.iterdir()) == []


def test_opening_makes_nothing_and_what_was_made_is_unmade_only_while_it_is_empty(tmp_path: Path):
    places, root = declared((tmp_path / "backups").as_uri()), tmp_path / "backups"
    assert not places.is_there(LOCAL)
    with pytest.raises(DestinationUnreachableError, match="backups of destination 'local' is not"):
        places.open(LOCAL)
    places.unmake(LOCAL)
    assert not root.exists()
    places.make(LOCAL)
    places.unmake(LOCAL)
    assert not root.exists()
    places.make(LOCAL)
    places.open(LOCAL).create(ObjectKey("x"), b"x")
    places.unmake(LOCAL)
    assert places.is_there(LOCAL)
    assert (root / "x").exists()


def test_a_link_to_a_place_that_is_gone_is_not_there_and_not_replaced(tmp_path: Path):
    link = tmp_path / "backups"
    link.symlink_to(tmp_path / "away")
    places = declared(link.as_uri())
    assert not places.is_there(LOCAL)
    with pytest.raises(DestinationUnreachableError, match="is not a directory"):
        places.make(LOCAL)
    assert link.is_symlink()


def test_an_undeclared_name_is_an_error():
    with pytest.raises(DestinationError, match="'elsewhere'"):
        declared("file:///x").open(DestinationName("elsewhere"))


def test_other_kinds_are_not_supported_yet():
    with pytest.raises(NotSupportedYetError, match="'s3'"):
        declared("s3://bucket/practice").open(LOCAL)


@pytest.mark.parametrize(
    "url", ["file:./backups", "file://server/srv", "file:///srv/a#b", "file:///srv/a?b", "file:"]
)
def test_a_url_that_is_more_or_less_than_a_path_is_refused(url: str):
    with pytest.raises(DestinationError, match="the url of destination 'local'"):
        declared(url).open(LOCAL)
