"""`status --check`: one line, figures and an exit code, as Nagios and its heirs read them.

Form: https://nagios-plugins.org/doc/guidelines.html. The first line has at most 200 characters
before its figures, so that it fits into a pager's message; the findings follow, one to a line.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from orchestrator.cli.exit_codes import CheckCode
from orchestrator.cli.rendering import printable
from orchestrator.errors import OrchestratorError
from orchestrator.planning.health.ailments import Finding, Severity, find_ailments
from orchestrator.planning.phrases import say_duration
from orchestrator.reconciler.monitoring.look_at_health import Health

LONGEST_LINE = 200
CODES = {Severity.WARNING: CheckCode.WARNING, Severity.CRITICAL: CheckCode.CRITICAL}


def check(health: Health) -> tuple[CheckCode, Sequence[str]]:
    """Return the exit code, and the lines to print."""
    found = find_ailments(health.desired, health.seen, health.troubles, health.space)
    code = CODES[found[0].severity] if found else CheckCode.OK
    first = _line(code, _summary(health, found))
    rest = [f"{CODES[one.severity].name}: {_plain(one.text)}" for one in found]
    return code, [f"{first} | {' '.join(_figures(health, found))}", *rest]


def unknown(error: Exception) -> tuple[CheckCode, Sequence[str]]:
    """Return the exit code and the lines for a state that could not be looked at."""
    if isinstance(error, OrchestratorError):
        lines = [f"{error.what} [{error.code}]", error.next_step]
    else:
        lines = [f"an unexpected {type(error).__name__}", "run `orchestrator status -vv`"]
    return CheckCode.UNKNOWN, [_line(CheckCode.UNKNOWN, lines[0]), *map(_plain, lines)]


def _line(code: CheckCode, text: str) -> str:
    plain = _plain(text)
    cut = plain if len(plain) <= LONGEST_LINE else f"{plain[: LONGEST_LINE - 1]}…"
    return f"BACKUPS {code.name} - {cut}"


def _summary(health: Health, found: Sequence[Finding]) -> str:
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return f"{found[0].text[: LONGEST_LINE - len(more)]}{more}"
    ages = list(_ages(health))
    oldest = f", none older than {say_duration(max(ages))}" if ages else ""
    return f"every promise is kept; {len(health.seen.series)} series proved as promised{oldest}"


def _ages(health: Health) -> Iterator[timedelta]:
    for one in health.seen.series.values():
        if one.newest is not None:
            yield health.seen.now - one.newest.snapshot_at


def _figures(health: Health, found: Sequence[Finding]) -> Iterator[str]:
    """Yield performance data: ``label=value[unit];warn;crit;min;max``."""
    for severity in reversed(Severity):
        number = sum(one.severity is severity for one in found)
        yield f"{severity.name.lower()}={number};;;0"
    yield f"series={len(health.seen.series)};;;0"
    ages = list(_ages(health))
    if ages:
        yield f"oldest_backup={max(ages).total_seconds():.0f}s;;;0"
    yield f"undelivered_alerts={len(health.undelivered)};;;0"
    for name in sorted(health.desired.destinations):
        latest = health.space[name].latest if name in health.space else None
        if latest is not None:
            yield f"'free_{name}'={latest.space.free}B;;;0;{latest.space.whole}"


def _plain(text: str) -> str:
    """Return text on one line and without the character that begins the figures."""
    return printable(" ".join(text.split())).replace("|", "/")
