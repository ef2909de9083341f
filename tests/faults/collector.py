"""A process that collects without patience, from a catalog of its own, whenever it is told to.

``python -m tests.faults.collector STATE SERIES_POLICY DATABASE``, in a workplace. It says ``ready``;
then, for each line ``SECONDS`` on its input, it collects again and again for so long with the real
code, but nothing has to have been unreferenced for any time, and answers with a JSON line of what
came of it.
"""

import json
import os
import sys
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

from typing_extensions import override

from orchestrator.errors import OrchestratorError
from orchestrator.execution.attach_destination import open_attached
from orchestrator.execution.context import Execution
from orchestrator.execution.lease.hold_lease import hold_lease
from orchestrator.execution.prune import collect_chunks
from orchestrator.execution.prune.collector import Collector
from orchestrator.model.names import DatabaseName, DestinationName, ObjectKey, PolicyName, Series
from orchestrator.policy.load import load_policies
from orchestrator.ports.progress import SilentProgress
from orchestrator.settings import Settings
from orchestrator.wiring import build_execution

LOCAL = DestinationName("local")


def build(state: str) -> Execution:
    environment = dict(os.environ)
    settings = Settings(
        policies=Path("policies"), state=Path(state), catalog=None, environment=environment
    )
    desired = load_policies(settings.policies, environment=environment).desired
    assert desired is not None
    return build_execution(settings, desired, SilentProgress())


class PutBack(Collector):
    """Counts what was moved aside and had to be put back."""

    number = 0

    @override
    def _put_back(self, moved: ObjectKey, key: ObjectKey) -> None:
        PutBack.number += 1
        super()._put_back(moved, key)


def collect_once(series: Series, execution: Execution) -> tuple[int, str]:
    """Return how many objects went, and what stopped it, shortly."""
    try:
        with hold_lease(series, execution.new_run_id(), execution) as held:
            place = open_attached(LOCAL, execution)
            found = collect_chunks.collect(
                series, place, timedelta(0), held=held, execution=execution
            )
    except OrchestratorError as error:
        return 0, error.code
    done = found.collected
    return len(done.removed), "somebody is at work" if done.stopped_by else "nothing"


def collect_for(seconds: float, series: Series, execution: Execution) -> dict[str, object]:
    until, removed, stops = time.monotonic() + seconds, 0, Counter[str]()
    while time.monotonic() < until:
        number, stop = collect_once(series, execution)
        removed += number
        stops[stop] += 1
    put_back, PutBack.number = PutBack.number, 0
    return {"removed": removed, "put_back": put_back, "stopped_by": stops}


if __name__ == "__main__":
    collect_chunks.Collector = PutBack  # type: ignore[misc]  # only counts
    execution = build(sys.argv[1])
    series = Series(PolicyName(sys.argv[2]), DatabaseName(sys.argv[3]))
    print("ready", flush=True)  # noqa: T201 - what the test waits for
    for line in sys.stdin:
        print(json.dumps(collect_for(float(line), series, execution)), flush=True)  # noqa: T201
