"""All findings about all policies, at once: no problem hides another one."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from orchestrator.errors import Kind
from orchestrator.execution.context import Execution
from orchestrator.execution.find_databases import look_for_databases
from orchestrator.execution.preflight.inspect_destination import inspect_destination
from orchestrator.model.policy import Policy
from orchestrator.model.run import ErrorReport
from orchestrator.ports.preflight import (
    ChannelInspector,
    Finding,
    Severity,
    SourceInspector,
)

AT_ONCE = 8
"""So many places are looked at side by side: the slow ones are those that do not answer."""

_RANK = {Severity.PROBLEM: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def inspect_everything(
    execution: Execution, sources: SourceInspector, channels: ChannelInspector
) -> tuple[Finding, ...]:
    """Look at every source, destination and channel of the policies, and change nothing.

    Only a probe object is written to each destination, and removed. The same finding about a place
    that several policies share is returned once. Problems come first, then warnings, then notes.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    desired = look_for_databases(execution.desired, execution.reader, sources)
    execution = replace(execution, desired=desired)
    policies = list(desired.policies.values())
    looks: list[Callable[[], Sequence[Finding]]] = [
        *(lambda group=group: _inspect_source(group, sources) for group in _by_server(policies)),
        *(lambda name=name: inspect_destination(name, execution) for name in desired.destinations),
        *(
            lambda channel=channel: channels.inspect_channel(channel)
            for channel in desired.channels.values()
        ),
    ]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="preflight") as pool:
        found = [
            finding
            for future in [pool.submit(look) for look in looks]
            for finding in future.result()
        ]
    once = dict.fromkeys(found)
    return tuple(sorted(once, key=lambda finding: (_RANK[finding.severity], finding.subject)))


def _by_server(policies: Sequence[Policy]) -> Sequence[Sequence[Policy]]:
    """Group policies that share a server and a login: if it is down, that is one problem."""
    grouped: dict[tuple[str, str], list[Policy]] = {}
    for policy in policies:
        source = policy.source
        grouped.setdefault((source.engine, source.url.reveal()), []).append(policy)
    return list(grouped.values())


def _inspect_source(policies: Sequence[Policy], sources: SourceInspector) -> Sequence[Finding]:
    found: list[Finding] = []
    for policy in policies:
        of_server = sources.inspect_server(policy)
        found += of_server
        if any(finding.kind is Kind.UNREACHABLE for finding in of_server):
            return found
    for policy in policies:
        found += _inspect_patterns(policy)
        for database in policy.source.databases:
            if database not in policy.source.found.gone:
                found += sources.inspect_database(policy, database)
    return found


def _inspect_patterns(policy: Policy) -> Iterator[Finding]:
    found = policy.source.found
    subject = f"databases of {policy.name}"
    if found.trouble is not None:
        yield _of_report(subject, found.trouble)
    for name in sorted(found.gone):
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"the server has no database {name!r} any more, and backups of it",
            next_step=f"create it again, or `orchestrator erase {policy.name}/{name}`",
        )


def _of_report(subject: str, report: ErrorReport) -> Finding:
    return Finding(
        severity=Severity.PROBLEM,
        subject=subject,
        what=report.what,
        next_step=report.next_step,
        code=report.code,
        kind=Kind.UNREACHABLE if report.code == "ORC-201" else Kind.FAILED,
    )
