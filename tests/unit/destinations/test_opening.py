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
    destination = declared((tmp_path / folder).as_uri()).open(LOCAL)
    destination.create(ObjectKey("x"), b"x")
    assert destination.name == LOCAL
    assert (tmp_path / folder / "x").read_bytes() == b"x"


def test_a_mount_that_is_gone_is_unreachable(tmp_path: Path):
    with pytest.raises(DestinationUnreachableError):
        declared((tmp_path / "gone" / "backups").as_uri()).open(LOCAL)


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
