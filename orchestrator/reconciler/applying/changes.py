"""What changed in the policies since they were applied last, and what that does to what is kept.

Backups are read only of policies whose rules changed, so that the usual plan stays cheap.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.execution.former_names import find_renames
from orchestrator.execution.prune.retired import retired_among
from orchestrator.model.names import DatabaseName, DestinationName, PolicyName, Series
from orchestrator.model.plan import (
    ChangeKind,
    Plan,
    PolicyChange,
    RetentionEffect,
    RetiredSeries,
)
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.planning.changes.compare import (
    Past,
    Remembered,
    compare_policies,
)
from orchestrator.planning.changes.document import (
    Document,
    read_document,
    retention_of,
    say_rules,
    section,
    write_document,
)
from orchestrator.planning.changes.effect import ChangedRules, find_effect
from orchestrator.planning.phrases import count, say_duration, say_size
from orchestrator.planning.retention.copies import RetentionRules
from orchestrator.ports.applied import AppliedPolicy
from orchestrator.ports.catalog import CatalogReader
from orchestrator.reconciler.applying.renames import read_renamed, refused_renames

SIZES = "sizes are what each backup stores; chunks that others share are counted with each"


def add_changes(plan: Plan, desired: DesiredState, reader: CatalogReader) -> Plan:
    """Return a plan that also says what changed since the last apply, and what is retired.

    ``reader`` shows the catalog as it is, before any rename is carried over.

    Raises:
        CatalogError: the catalog cannot be read.
    """
    renamed = read_renamed(desired, reader)
    past = _look_back(desired, reader, renamed)
    documents = {one.name: one.document for one in documents_of(desired)}
    history = _History(desired, renamed, past, plan.observed_at)
    return replace(
        plan,
        skipped=(*plan.skipped, *refused_renames(desired, reader)),
        changes=tuple(map(history.complete, compare_policies(documents, past))),
        retired=tuple(history.list_retired()),
    )


def documents_of(desired: DesiredState) -> tuple[AppliedPolicy, ...]:
    """Return every policy as the catalog shall remember it once it is applied, without secrets."""
    return tuple(
        AppliedPolicy(name=policy.name, document=write_document(policy, desired))
        for policy in desired.policies.values()
    )


def _look_back(desired: DesiredState, reader: CatalogReader, renamed: CatalogReader) -> Past:
    revision, schedules = renamed.applied()
    policies = {
        one.name: Remembered(document=one.document, in_force=one.in_force)
        for one in renamed.applied_policies()
    }
    return Past(
        policies=policies,
        undocumented={schedule.policy for schedule in schedules} - policies.keys(),
        renames=find_renames(desired, reader).pending,
        is_same_revision=revision is not None and revision.digest == desired.revision.digest,
    )


@dataclass(frozen=True, slots=True)
class _History:
    """What was, and what there is, to tell what a change does."""

    desired: DesiredState
    reader: CatalogReader
    past: Past
    now: datetime

    def complete(self, change: PolicyChange) -> PolicyChange:
        """Return a change with what it does to the backups that there are."""
        policy = self.desired.policies.get(change.policy)
        before = self._document(change.policy)
        if policy is None:
            return replace(change, notes=(*change.notes, *self._say_retired(change.policy)))
        if change.kind is ChangeKind.NEW and policy.renamed_from is not None:
            return replace(change, notes=(_say_unknown_name(policy.renamed_from),))
        if before is None or not change.differences:
            return change
        effects = tuple(self._effects(policy, before))
        return replace(
            change,
            effects=effects,
            notes=(*change.notes, *self._notes(policy, before, effects)),
        )

    def list_retired(self) -> Iterator[RetiredSeries]:
        """Yield every series that no policy names and that has backups."""
        known = (record.series for record in self.reader.series_records())
        for series in sorted(retired_among(known, self.desired)):
            amount = self.reader.amount(series)
            if amount.backups:
                document = self._document(series.policy)
                yield RetiredSeries(
                    series=series,
                    backups=amount.backups,
                    stored_bytes=amount.stored_bytes,
                    rules=None if document is None else say_rules(document),
                )

    def _document(self, policy: PolicyName) -> Document | None:
        remembered = self.past.policies.get(policy)
        return None if remembered is None else read_document(remembered.document)

    # -------------------------------------------------------------- retention
    def _effects(self, policy: Policy, before: Document) -> Iterator[RetentionEffect]:
        rules = _changed_rules(policy, before)
        if rules is None:
            return
        shared = [name for name in policy.destinations if name in section(before, "destinations")]
        for series in policy.series:
            backups = self.reader.backups(series)
            for destination in shared if backups else []:
                yield find_effect(series, destination, backups, rules=rules, now=self.now)

    # -------------------------------------------------------------- notes
    def _notes(
        self, policy: Policy, before: Document, effects: tuple[RetentionEffect, ...]
    ) -> Iterator[str]:
        if any(effect.expired or effect.kept_again for effect in effects):
            yield SIZES
        if any(effect.expired for effect in effects):
            delay = say_duration(policy.retention.prune_delay)
            yield (
                f"what expires is marked by `apply`, and pruned after prune_delay ({delay}) at the"
                " earliest, what is more than normal ageing explains only with `apply --allow-prune N`:"
                " changing it back until then keeps it"
            )
        if not set(_databases(before)) <= {*policy.source.databases, *policy.source.patterns}:
            known = {one.series for one in self.reader.series_records()}
            for series in sorted(retired_among(known, self.desired)):
                if series.policy == policy.name:
                    yield from self._say_series_retired(series)
        for name in section(before, "destinations"):
            if name not in policy.destinations:
                yield from self._say_left_behind(policy, DestinationName(name))

    def _say_retired(self, policy: PolicyName) -> Iterator[str]:
        known = (record.series for record in self.reader.series_records())
        for series in sorted(one for one in known if one.policy == policy):
            yield from self._say_series_retired(series)

    def _say_series_retired(self, series: Series) -> Iterator[str]:
        amount = self.reader.amount(series)
        if amount.backups:
            stay = "stays" if amount.backups == 1 else "stay"
            yield (
                f"{series}: {count(amount.backups, 'backup')}, {say_size(amount.stored_bytes)},"
                f" {stay}, and nothing is pruned; `orchestrator erase {series}` removes it for good"
            )

    def _say_left_behind(self, policy: Policy, destination: DestinationName) -> Iterator[str]:
        for series in policy.series:
            held = [
                backup.stored_bytes
                for backup in self.reader.backups(series)
                if any(copy.destination == destination for copy in backup.copies)
            ]
            if held:
                copies = "1 copy" if len(held) == 1 else f"{len(held)} copies"
                yield f"{series}: {copies}, {say_size(sum(held))}, left at {destination}"


def _say_unknown_name(former: PolicyName) -> str:
    return f"renamed_from {former}: the catalog knows no policy of that name, nothing is carried on"


def _databases(document: Document) -> list[DatabaseName]:
    listed = section(document, "source").get("databases")
    return [DatabaseName(str(name)) for name in listed] if isinstance(listed, list) else []


def _changed_rules(policy: Policy, before: Document) -> ChangedRules | None:
    """Return the rules of both sides if they differ, and if those from before can still be read."""
    retention, zone = retention_of(before), _zone(before)
    if retention is None or zone is None:
        return None
    rules = ChangedRules(
        before=RetentionRules(retention=retention, zone=zone),
        after=RetentionRules(
            retention=replace(policy.retention, prune_delay=retention.prune_delay),
            zone=policy.timezone,
        ),
    )
    return None if rules.before == rules.after else rules


def _zone(document: Document) -> ZoneInfo | None:
    try:
        return ZoneInfo(str(document.get("timezone")))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
