"""`catalog rebuild`: from the manifests of a destination alone to a catalog that knows them (F73).

The destination's marker is remembered last. Whatever breaks before, every later run still refuses
the place, so that none begins a second timeline beside the one that was not read in completely.
"""

from collections.abc import Mapping, Sequence

from orchestrator.archive.layout import series_path
from orchestrator.errors import (
    ForeignDestinationError,
    InterruptedRunError,
    OrchestratorError,
    UsageError,
)
from orchestrator.execution.attach_destination import marker_of
from orchestrator.execution.context import Execution
from orchestrator.execution.rebuild.found_backups import (
    FoundBackup,
    find_series_paths,
    read_series,
    series_named_at,
)
from orchestrator.execution.rebuild.merge_series import merge_series
from orchestrator.execution.rebuild.report import (
    RebuildReport,
    SeriesFailure,
    SeriesReport,
    Trouble,
)
from orchestrator.model.names import BackupId, DestinationName, Series
from orchestrator.model.run import LogAction, LogOutcome
from orchestrator.ports.destination import DestinationReader


def rebuild_catalog(name: DestinationName, execution: Execution) -> RebuildReport:
    """Read every backup of a destination into the catalog, and attach the catalog to it.

    Backups that the catalog knows are merged, not replaced; the same call again changes nothing.
    One thing that cannot be read does not stop the others: the report says what and why. Nothing
    is written to the destination.

    Raises:
        UsageError: no policy file declares the destination.
        ForeignDestinationError: it has no marker, or another than the catalog remembers.
        DestinationError: it cannot be reached or listed.
        InterruptedRunError: somebody asked us to stop; the same command goes on.
    """
    _refuse_undeclared(name, execution)
    source = execution.destinations.open(name)
    marker = _refuse_foreign(name, source, execution)
    report = _rebuild_all(name, source, execution)
    if not report.failures:
        _attach(name, marker, execution)
    return report


def _rebuild_all(
    name: DestinationName, source: DestinationReader, execution: Execution
) -> RebuildReport:
    reports: list[SeriesReport] = []
    troubles: list[Trouble] = []
    failures: list[SeriesFailure] = []
    for path, series in _series_by_path(name, source, execution):
        execution.interruption.check()
        try:
            report = _rebuild_series(path, series, source, execution)
        except InterruptedRunError:
            raise
        except OrchestratorError as error:
            # Somebody at work on one series, or one that cannot be read now, stops no other.
            failures.append(SeriesFailure(path=path, error=error))
            continue
        if isinstance(report, SeriesReport):
            reports.append(report)
        else:
            troubles.extend(report)
    return RebuildReport(
        destination=name,
        series=tuple(reports),
        troubles=tuple(troubles),
        failures=tuple(failures),
    )


def paths_to_look_at(
    name: DestinationName, source: DestinationReader, execution: Execution
) -> Mapping[str, Sequence[BackupId]]:
    """Return every path that has manifests at a destination, or of which the catalog lists a copy.

    With the ids of the backups that have a manifest there, oldest first.
    """
    found = find_series_paths(source)
    known = {
        backup.path
        for backup in execution.reader.backups()
        if any(copy.destination == name for copy in backup.copies)
    }
    return {path: found.get(path, ()) for path in sorted({*found, *known})}


def _refuse_undeclared(name: DestinationName, execution: Execution) -> None:
    declared = execution.desired.destinations
    if name not in declared:
        raise UsageError(
            f"no policy file declares a destination {name!r}",
            next_step=f"declare it with its url; declared are: {', '.join(sorted(declared)) or 'none'}",
        )


def _refuse_foreign(name: DestinationName, source: DestinationReader, execution: Execution) -> str:
    """Return the destination's marker, unless it is not what this name stands for."""
    found = marker_of(source)
    if found is None:
        raise ForeignDestinationError(
            f"destination {name!r} has no marker: it is no place of backups",
            next_step="perhaps its disk is not mounted, or the url is wrong; nothing was changed",
        )
    known = execution.reader.destination_marker(name)
    if known not in (None, found):
        raise ForeignDestinationError(
            f"the marker of destination {name!r} is another than this catalog remembers",
            next_step=(
                "perhaps another disk is mounted there; to read this place in as well, declare it"
                " under a name of its own"
            ),
        )
    for other in sorted(execution.desired.destinations):
        if other != name and execution.reader.destination_marker(other) == found:
            raise ForeignDestinationError(
                f"destination {name!r} is the same place as {other!r}: both have one marker",
                next_step="correct one of the urls: two copies in one place are only one",
            )
    return found


def _series_by_path(
    name: DestinationName, source: DestinationReader, execution: Execution
) -> Sequence[tuple[str, Series | None]]:
    """Return every path with its series, None where no manifest can be read.

    Paths that their series would be given today come first: if two paths claim one series, the
    other is a copy made by hand, or a hostile one.
    """
    records = {record.path: record.series for record in execution.reader.series_records()}
    paths = paths_to_look_at(name, source, execution)
    named = [
        (path, records.get(path) or series_named_at(source, path, backups))
        for path, backups in paths.items()
    ]
    return sorted(named, key=lambda item: item[1] is None or item[0] != series_path(item[1]))


def _trouble_of_unnamed(item: FoundBackup) -> Trouble:
    if not item.damage:
        # Its series was looked for a moment ago, and the place did not answer then.
        return Trouble(
            subject=item.id,
            what="its manifest could not be read at first",
            next_step="run the command again",
        )
    return Trouble(
        subject=item.id,
        what=str(item.damage[0]),
        next_step="leave it where it is: another copy may be whole, or a newer program may read it",
    )


def _rebuild_series(
    path: str, series: Series | None, source: DestinationReader, execution: Execution
) -> SeriesReport | Sequence[Trouble]:
    """Merge one series; without any readable manifest, only say what is wrong with each."""
    if series is None:
        return [_trouble_of_unnamed(item) for item in read_series(source, path, execution)]
    other = _other_path(series, path, execution)
    if other is not None:
        return [
            Trouble(
                subject=path,
                what=f"its backups are of {series}, whose backups lie under {other}",
                next_step="see which of the two is a copy made by hand; it was not read in",
            )
        ]
    return merge_series(series, path, source, execution)


def _other_path(series: Series, path: str, execution: Execution) -> str | None:
    records = execution.reader.series_records()
    return next(
        (item.path for item in records if item.series == series and item.path != path), None
    )


def _attach(name: DestinationName, marker: str, execution: Execution) -> None:
    if execution.reader.destination_marker(name) == marker:
        return
    execution.writer.append_log(
        execution.log_entry(
            LogAction.ATTACH, name, LogOutcome.SUCCEEDED, {"marker": marker, "by": "rebuild"}
        )
    )
    execution.writer.record_destination(name, marker)
