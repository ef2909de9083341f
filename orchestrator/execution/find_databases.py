"""What the patterns of sources stand for (`databases: ["app_*"]`), found out once per pass.

A database that appears at the server is a series from the next pass on. One that vanishes stays a
series as long as it has backups, so that its promises break and its backups are shown and kept. A
server that cannot be asked leaves what the catalog knows.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.errors import DatabaseMissingError, OrchestratorError, SourceUnreachableError
from orchestrator.execution.context import Execution
from orchestrator.execution.error_report import explained, report_of
from orchestrator.model.names import DatabaseName, PolicyName, Series
from orchestrator.model.policy import DesiredState, FoundDatabases, Policy
from orchestrator.model.run import ErrorReport
from orchestrator.planning.alerting.finding.databases import cause_of_gone
from orchestrator.planning.database_patterns import match_databases
from orchestrator.ports.catalog import CatalogReader
from orchestrator.ports.preflight import DatabaseLister

PATIENCE_SECONDS = 5.0
"""How long all servers together have to name their databases: a dead one must not hold a pass."""

Answer = Sequence[DatabaseName] | OrchestratorError


def recall_databases(desired: DesiredState, reader: CatalogReader) -> DesiredState:
    """Return the policies with the databases that the catalog knows of their patterns.

    No server is asked: those are ``gone`` that were told to be. Policies whose databases were found
    before stay as they are.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    unknown = [one for one in _with_patterns(desired) if one.source.found == FoundDatabases()]
    if not unknown:
        return desired
    catalog = _Known(reader)
    return _replaced(
        desired,
        {
            one.name: FoundDatabases(names=catalog.of(one), gone=catalog.told_gone(one))
            for one in unknown
        },
    )


def look_for_databases(
    desired: DesiredState,
    reader: CatalogReader,
    servers: DatabaseLister,
    *,
    patience: float = PATIENCE_SECONDS,
) -> DesiredState:
    """Return the policies with the databases that their patterns stand for now.

    All servers are asked at once; who does not answer within ``patience`` seconds cannot be
    reached. Nothing is asked if no policy has a pattern.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    asking = _with_patterns(desired)
    if not asking:
        return desired
    answers = _ask(asking, servers, patience)
    catalog = _Known(reader)
    return _replaced(desired, {one.name: _found(one, answers[one.name], catalog) for one in asking})


def with_databases(execution: Execution) -> Execution:
    """Return an execution whose patterns stand for what the servers have now.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    if execution.servers is None:
        return execution
    desired = look_for_databases(execution.desired, execution.reader, execution.servers)
    return replace(execution, desired=desired)


def unlisted_databases(desired: DesiredState) -> tuple[ErrorReport, ...]:
    """Return why it is not known what patterns stand for, each reason once."""
    reasons = (policy.source.found.trouble for policy in desired.policies.values())
    return tuple(dict.fromkeys(reason for reason in reasons if reason is not None))


def _with_patterns(desired: DesiredState) -> Sequence[Policy]:
    return [policy for policy in desired.policies.values() if policy.source.patterns]


def _replaced(desired: DesiredState, found: Mapping[PolicyName, FoundDatabases]) -> DesiredState:
    return replace(
        desired,
        policies={
            name: _with(policy, found[name]) if name in found else policy
            for name, policy in desired.policies.items()
        },
    )


def _with(policy: Policy, found: FoundDatabases) -> Policy:
    before = policy.source.found.names
    declared = [name for name in policy.source.databases if name not in before]
    names = tuple(name for name in found.names if name not in declared)
    source = replace(
        policy.source,
        databases=(*declared, *names),
        found=replace(found, names=names, gone=found.gone & frozenset(names)),
    )
    return replace(policy, source=source)


# ------------------------------------------------------------------ the catalog
@dataclass(slots=True)
class _Known:
    """What the catalog remembers of series, read once and only where somebody asks."""

    reader: CatalogReader
    _series: tuple[Series, ...] | None = None

    def of(self, policy: Policy) -> tuple[DatabaseName, ...]:
        """Return every database that the patterns fit and that was ever backed up, or tried to be."""
        if self._series is None:
            self._series = tuple(record.series for record in self.reader.series_records())
        names = {policy.name, policy.renamed_from}
        return match_databases(
            policy.source.patterns,
            (series.database for series in self._series if series.policy in names),
        )

    def told_gone(self, policy: Policy) -> frozenset[DatabaseName]:
        """Return the databases that people were told to be gone, and not yet to be back.

        Not to be able to ask is no recovery.
        """
        open_causes = {one.cause for one in self.reader.incidents() if one.is_open}
        return frozenset(
            name
            for name in self.of(policy)
            if cause_of_gone(Series(policy.name, name)) in open_causes
        )

    def has_backups(self, policy: Policy, database: DatabaseName) -> bool:
        """Return whether there is a backup of a database, also under the policy's former name."""
        names = [name for name in (policy.name, policy.renamed_from) if name is not None]
        return any(self.reader.amount(Series(name, database)).backups for name in names)


def _found(policy: Policy, answer: Answer, catalog: _Known) -> FoundDatabases:
    known = catalog.of(policy)
    if isinstance(answer, OrchestratorError):
        gone = catalog.told_gone(policy)
        return FoundDatabases(names=known, gone=gone, trouble=report_of(answer))
    present = match_databases(policy.source.patterns, answer)
    gone = frozenset(
        name for name in known if name not in present and catalog.has_backups(policy, name)
    )
    return FoundDatabases(
        names=tuple(sorted({*present, *gone})),
        gone=gone,
        trouble=None if present else report_of(_nothing_fits(policy)),
    )


def _nothing_fits(policy: Policy) -> OrchestratorError:
    return DatabaseMissingError(
        f"policy {policy.name}: no database of the server fits {', '.join(policy.source.patterns)}",
        next_step="correct source.databases of the policy (case counts), or create the database",
    )


# ------------------------------------------------------------------ the servers
def _ask(
    asking: Sequence[Policy], servers: DatabaseLister, patience: float
) -> Mapping[PolicyName, Answer]:
    """Ask each server once, all at the same time, and wait for the slowest, but not for ever."""
    answers: dict[tuple[str, str], Answer] = {}
    arrived = threading.Condition()

    def ask(policy: Policy) -> None:
        answer: Answer
        try:
            answer = tuple(servers.list_databases(policy.source))
        except Exception as error:  # noqa: BLE001 - a defect in asking one server is its answer
            answer = explained(error)
        with arrived:
            answers[_server(policy)] = answer
            arrived.notify()

    one_each = {_server(policy): policy for policy in asking}
    for policy in one_each.values():
        # Not in a pool: the exit of the program would wait for a server that never answers.
        threading.Thread(target=ask, args=[policy], daemon=True, name="list-databases").start()
    with arrived:
        arrived.wait_for(lambda: len(answers) == len(one_each), timeout=patience)
        return {
            policy.name: answers.get(_server(policy), _silent(policy, patience))
            for policy in asking
        }


def _server(policy: Policy) -> tuple[str, str]:
    return policy.source.engine, policy.source.url.reveal()


def _silent(policy: Policy, patience: float) -> Answer:
    return SourceUnreachableError(
        f"policy {policy.name}: the server did not name its databases within {patience:g} s",
        next_step="see whether the server and the network answer; the next pass asks again",
    )
