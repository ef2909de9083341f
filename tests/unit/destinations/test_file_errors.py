import errno
import os

import pytest

from orchestrator.destinations.file_errors import destination_error, link_error
from orchestrator.errors import (
    DestinationError,
    DestinationFullError,
    DestinationPermissionError,
    DestinationUnreachableError,
)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, DestinationFullError),
        (errno.EDQUOT, DestinationFullError),
        (errno.EACCES, DestinationPermissionError),
        (errno.EPERM, DestinationPermissionError),
        (errno.EROFS, DestinationPermissionError),
        (errno.ESTALE, DestinationUnreachableError),
        (errno.ENOTCONN, DestinationUnreachableError),
        (errno.ETIMEDOUT, DestinationUnreachableError),
        (errno.EIO, DestinationError),
        (errno.EFBIG, DestinationError),
    ],
)
def test_an_error_of_the_system_becomes_one_with_a_remedy(
    code: int, expected: type[DestinationError]
):
    error = destination_error(OSError(code, os.strerror(code)), "destination 'local'")
    assert type(error) is expected
    assert error.what.startswith("destination 'local'")
    assert os.strerror(code) in error.what
    assert error.next_step


@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS])
def test_a_file_system_without_hard_links_is_named_as_such(code: int):
    error = link_error(OSError(code, os.strerror(code)), "destination 'usb'")
    assert type(error) is DestinationError
    assert "cannot make hard links" in error.what


def test_other_errors_of_a_link_keep_their_meaning():
    error = link_error(OSError(errno.ENOSPC, "No space left on device"), "destination 'usb'")
    assert type(error) is DestinationFullError
