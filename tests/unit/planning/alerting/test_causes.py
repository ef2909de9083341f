"""Which one thing a failure is about is decided for every error that a source or a place can give."""

import pytest

from orchestrator import errors
from orchestrator.errors import DestinationError, OrchestratorError, SourceError
from orchestrator.planning.alerting.causes import cause_of_failure
from tests.support.builders import a_policy, a_series, an_error_report

SERIES, SERVER, PLACE = "practice/app", "server 127.0.0.1:5432", "destination local"

CAUSES = {
    errors.SourceError: SERVER,
    errors.SourceUnreachableError: SERVER,
    errors.AuthenticationFailedError: SERVER,
    errors.DatabaseMissingError: SERIES,
    errors.MissingPrivilegeError: SERIES,
    errors.ClientProgramError: SERVER,
    errors.TablesNotFoundError: SERIES,
    errors.UncoveredTableError: SERIES,
    errors.LockTimeoutError: SERIES,
    errors.SnapshotLostError: SERIES,
    errors.IncompleteStreamError: SERIES,
    errors.StalledError: SERIES,
    errors.RunTooLongError: SERIES,
    errors.GaveWayError: SERIES,
    errors.UnsupportedServerError: SERVER,
    errors.ValueTooLargeError: SERIES,
    # The pooler stands where the URL says that the server is.
    errors.PoolerError: SERVER,
    errors.LockCapacityError: SERIES,
    # A standby replays the changes of all its databases in one line.
    errors.StandbyBehindError: SERVER,
    # Of its three limits two are the server's and the role's; the words name the database's own.
    errors.CapacityError: SERVER,
    errors.TlsError: SERVER,
    errors.DestinationError: PLACE,
    errors.DestinationUnreachableError: PLACE,
    errors.DestinationFullError: PLACE,
    errors.ForeignDestinationError: PLACE,
    errors.UnknownBackupsError: PLACE,
    errors.ObjectMissingError: SERIES,
    errors.ObjectExistsError: SERIES,
    errors.DestinationPermissionError: PLACE,
    errors.ObjectKeptError: PLACE,
    errors.LowStorageError: SERIES,
    errors.OlderCatalogError: SERIES,
}


@pytest.mark.parametrize("kind", CAUSES, ids=lambda kind: kind.__name__)
def test_an_error_is_about_what_its_docstring_says(kind: type[OrchestratorError]):
    cause = cause_of_failure(an_error_report(kind.code), a_series(), a_policy())
    assert cause.subject == CAUSES[kind]


def test_every_error_of_a_source_and_of_a_destination_is_decided():
    known = {kind for kind in vars(errors).values() if isinstance(kind, type)}
    assert set(CAUSES) == {
        kind for kind in known if issubclass(kind, SourceError | DestinationError)
    }
