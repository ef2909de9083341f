"""Policy files that cannot be used are told of, by the verbs that a timer or a service starts."""

from collections.abc import Sequence

from orchestrator.cli.loading import print_problems, refusal
from orchestrator.cli.outcomes import print_deliveries
from orchestrator.errors import OrchestratorError
from orchestrator.execution.tell_invalid_policies import NO_POLICIES, tell_invalid_policies
from orchestrator.model.alert import Delivery
from orchestrator.model.policy import DesiredState
from orchestrator.policy.load import load_policies
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution, fallback_channel


def load_or_alarm(settings: Settings) -> DesiredState:
    """Return the desired state; if the files have problems, print them and tell the fallback.

    That is the channel of ORCHESTRATOR_ALERT_URL: which other channels there are stands in the very
    files that cannot be used.

    Raises:
        InvalidPolicyError: the files have problems.
    """
    loaded = load_policies(settings.policies, environment=settings.environment)
    if loaded.desired is not None:
        return loaded.desired
    print_problems(loaded.problems)
    error = refusal(settings, loaded)
    try:
        print_deliveries(_tell(list(map(str, loaded.problems)), settings))
    except OrchestratorError as second:
        raise error from second
    raise error


def _tell(problems: Sequence[str], settings: Settings) -> tuple[Delivery, ...]:
    if fallback_channel(settings) is None:
        return ()
    return tell_invalid_policies(problems, build_execution(settings, NO_POLICIES, SilentProgress()))
