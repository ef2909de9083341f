"""Which errors say that something is wrong."""

from inspect import isclass

from orchestrator import errors
from orchestrator.errors import InterruptedRunError, Kind, OrchestratorError
from orchestrator.model.run import ErrorReport


def test_who_was_asked_to_stop_or_came_second_is_in_no_trouble():
    every = [one for one in vars(errors).values() if isclass(one)]
    for kind in (one for one in every if issubclass(one, OrchestratorError)):
        report = ErrorReport(code=kind.code, what="it stopped", next_step="wait")
        came_second = kind.kind is Kind.LOCKED
        assert report.is_trouble != (came_second or kind is InterruptedRunError), kind
