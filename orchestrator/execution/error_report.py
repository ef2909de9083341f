"""Errors as data: what a run, an outcome and an alert remember of an exception."""

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


def kind_of(error: BaseException) -> Kind:
    """Return whose fault an exception is."""
    return explained(error).kind
