"""Errors as data: what a run, an outcome and an alert remember of an exception."""

from collections.abc import Iterator

from orchestrator.errors import Kind, OrchestratorError, UnexpectedError
from orchestrator.model.run import ErrorReport


def explained(error: BaseException) -> OrchestratorError:
    """Return the error itself if it explains itself, else an UnexpectedError caused by it."""
    if isinstance(error, OrchestratorError):
        return error
    unexpected = UnexpectedError(
        f"an unexpected {type(error).__name__} stopped the work",
        next_step="run it again with -vv and report the traceback that it prints",
    )
    unexpected.__cause__ = error
    return unexpected


def report_of(error: BaseException) -> ErrorReport:
    """Return an exception as data; one that does not explain itself is a defect of ours."""
    known = explained(error)
    return ErrorReport(code=known.code, what=known.what, next_step=known.next_step)


def error_of(report: ErrorReport) -> OrchestratorError:
    """Return the error that `report_of` made a report of, to be raised again: code and kind are its own."""
    known = {one.code: one for one in _every_class(OrchestratorError)}
    return known.get(report.code, OrchestratorError)(report.what, next_step=report.next_step)


def _every_class(base: type[OrchestratorError]) -> Iterator[type[OrchestratorError]]:
    for one in base.__subclasses__():
        yield one
        yield from _every_class(one)


def kind_of(error: BaseException) -> Kind:
    """Return whose fault an exception is."""
    return explained(error).kind
