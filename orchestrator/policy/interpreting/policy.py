"""One policy's section becomes a `Policy`."""

import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from orchestrator.model.names import DestinationName, PolicyName
from orchestrator.model.policy import AlertRoute, OnUncovered, Policy, TableSelection
from orchestrator.model.verification import Level
from orchestrator.policy.interpolation import SecretReader
from orchestrator.policy.interpreting.alerts import interpret_heartbeat, interpret_routes
from orchestrator.policy.interpreting.guards import interpret_guards
from orchestrator.policy.interpreting.schedules import interpret_retention, interpret_schedules
from orchestrator.policy.interpreting.source import interpret_source
from orchestrator.policy.names import Names
from orchestrator.policy.problems import ProblemLog, closest, quoted
from orchestrator.policy.reading.section import Section, Text

TIME_ZONE = "UTC"
ZSTD_LEVEL = 3
AFTER_BACKUP = Level.OBJECTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a policy is interpreted in: its file's folder, all names, the secrets.

    ``default_alerts`` are those of a policy that declares none.
    """

    folder: Path
    names: Names
    secrets: SecretReader
    log: ProblemLog
    default_alerts: tuple[AlertRoute, ...] = ()


def interpret_policy(
    name: PolicyName, section: Section, surroundings: Surroundings
) -> Policy | None:
    """Return the policy, or None if something was wrong with it; that was reported."""
    log = surroundings.log
    zone = _zone(section.text("timezone"), log)
    source = interpret_source(section.section("source"), surroundings.secrets, surroundings.folder)
    schedules = interpret_schedules(section, log)
    retention = interpret_retention(section.section("retention"), schedules, log)
    destinations = tuple(_destinations(section, surroundings))
    alerts = _alerts(section, surroundings)
    heartbeat = interpret_heartbeat(section, surroundings.secrets, surroundings.folder)
    guards = interpret_guards(section, log)
    if not alerts and not section.sections("alerts"):
        log.warn_about(
            section.place, f"nobody is told when {quoted(name)} fails", "add `alerts` to it"
        )
    if zone is None or source is None:
        return None
    return Policy(
        name=name,
        timezone=zone,
        source=source,
        tables=_tables(section.section("tables")),
        schedules=schedules,
        retention=retention,
        destinations=destinations,
        zstd_level=section.section("compression").number("zstd") or ZSTD_LEVEL,
        after_backup=_level(section.section("verify").text("after_backup")),
        alerts=alerts,
        guards=guards,
        heartbeat=heartbeat,
        renamed_from=_former_name(section.text("renamed_from")),
    )


def _former_name(written: Text | None) -> PolicyName | None:
    return None if written is None else PolicyName(written.value)


def _zone(written: Text | None, log: ProblemLog) -> ZoneInfo | None:
    if written is None:
        return ZoneInfo(TIME_ZONE)
    try:
        return ZoneInfo(written.value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        pass
    meant = closest(written.value, sorted(zoneinfo.available_timezones()))
    log.report(
        written.place,
        f"there is no time zone {quoted(written.value)}",
        f"did you mean {quoted(meant)}?" if meant else "write its name, such as `Europe/London`",
    )
    return None


def _tables(section: Section) -> TableSelection:
    declared = section.text("on_uncovered")
    return TableSelection(
        include=tuple(text.value for text in section.texts("include")),
        exclude=tuple(text.value for text in section.texts("exclude")),
        on_uncovered=OnUncovered.ALERT if declared is None else OnUncovered(declared.value),
    )


def _level(written: Text | None) -> Level:
    return AFTER_BACKUP if written is None else Level[written.value.upper()]


def _destinations(section: Section, surroundings: Surroundings) -> Iterator[DestinationName]:
    for text in section.texts("destinations"):
        surroundings.names.check("destinations", text, surroundings.log)
        yield DestinationName(text.value)


def _alerts(section: Section, surroundings: Surroundings) -> tuple[AlertRoute, ...]:
    own = interpret_routes(section, surroundings.names, surroundings.log)
    # An empty list declares none, either: silence is never what a policy asks for.
    return own or surroundings.default_alerts
