"""One realistic trouble of each event, as the reader of an alert meets it."""

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from orchestrator.model.alert import Alert, AlertKind, Cause
from orchestrator.model.names import DatabaseName, PolicyName, Series
from orchestrator.model.policy import Event
from orchestrator.model.run import ErrorReport

NOW = datetime(2026, 11, 22, 8, 0, 5, tzinfo=UTC)
SERIES = Series(PolicyName("practice"), DatabaseName("app"))
LAST_GOOD = "20261122T020000Z-7f3a9c, 6 h old, verified to content"
NEVER = "none: this series has never had a backup"
NASTY = "`rm` [click](http://evil.example) <script> *bold* <!channel> @here \x1b[31m\nTo: all"


def a_series_numbered(number: int) -> Series:
    return Series(PolicyName(f"practice-{number:03}"), DatabaseName("app"))


def an_error(code: str, what: str, next_step: str = "") -> ErrorReport:
    return ErrorReport(code=code, what=what, next_step=next_step)


def a_trouble(
    event: Event,
    error: ErrorReport,
    next_command: str,
    *,
    subject: str = "practice/app",
    series: tuple[Series, ...] = (SERIES,),
    facts: tuple[tuple[str, str], ...] = (),
) -> Alert:
    return Alert(
        kind=AlertKind.OPENED,
        cause=Cause(event, subject),
        series=series,
        at=NOW,
        since=NOW - timedelta(minutes=31),
        error=error,
        next_command=next_command,
        last_good=dict.fromkeys(series, LAST_GOOD),
        facts=facts,
    )


TROUBLES = {
    Event.FAILED: a_trouble(
        Event.FAILED,
        an_error(
            "ORC-201",
            "the server db.internal:5432 refused the connection",
            "start the server, or correct source.url",
        ),
        "orchestrator backup practice --database app",
    ),
    Event.DEGRADED: a_trouble(
        Event.DEGRADED,
        an_error(
            "ORC-301",
            "destination offsite did not take the backup 20261122T020000Z-7f3a9c",
            "bring the destination back; the copy is made in the next pass",
        ),
        "orchestrator show 20261122T020000Z-7f3a9c",
    ),
    Event.MISSED: a_trouble(
        Event.MISSED,
        an_error(
            "ORC-901",
            "schedule daily was due at 2026-11-22T02:00Z and has no backup",
            "find out why nothing ran: is the loop running?",
        ),
        "orchestrator apply",
    ),
    Event.LOW_STORAGE: a_trouble(
        Event.LOW_STORAGE,
        an_error(
            "ORC-302",
            "7.2 GiB free of 100 GiB, less than the 10 GiB of free_below",
            "make room, or let fewer backups be kept",
        ),
        "orchestrator prune --dry-run",
        subject="destination local",
        facts=(("Full in about", "9 days, at 0.8 GiB a day"),),
    ),
    Event.CORRUPT: a_trouble(
        Event.CORRUPT,
        an_error(
            "ORC-401",
            "2 objects of 20261121T020000Z-11aa22 at local differ from their digests",
            "check the disk, then let the copy be repaired from another destination",
        ),
        "orchestrator verify 20261121T020000Z-11aa22 --level content",
    ),
    Event.GUARD: a_trouble(
        Event.GUARD,
        an_error(
            "ORC-403",
            "public.users has 12 rows, 4,988 fewer than in the last good backup",
            "ask whether these rows were meant to go; if so, acknowledge the backup",
        ),
        "orchestrator diff 20261122T020000Z-7f3a9c",
        facts=(("Suspicious backup", "20261122T080000Z-c0ffee"),),
    ),
    Event.UNCOVERED: a_trouble(
        Event.UNCOVERED,
        an_error(
            "ORC-207",
            "2 tables are named by no pattern: billing.invoices, billing.payments",
            "add them to tables.include or tables.exclude",
        ),
        "orchestrator plan",
    ),
    Event.POLICY_INVALID: a_trouble(
        Event.POLICY_INVALID,
        an_error(
            "ORC-110",
            "policies/practice.yaml:12:5: unknown key 'shedules', did you mean 'schedules'?",
            "correct the files",
        ),
        "orchestrator validate",
        subject="the policy files",
        series=(),
        facts=(("Further problems", "2"),),
    ),
    Event.DRILL_FAILED: a_trouble(
        Event.DRILL_FAILED,
        an_error(
            "ORC-503",
            "the restored table public.clients has 3 rows fewer than the manifest says",
            "do not rely on this backup; make a new one, and drill again",
        ),
        "orchestrator drill practice",
    ),
    Event.PRUNE_REFUSED: a_trouble(
        Event.PRUNE_REFUSED,
        an_error(
            "ORC-403",
            "42 copies wait to be pruned, 10 may go in a day without being asked for",
            "read what would go, then allow it",
        ),
        "orchestrator prune --dry-run",
    ),
    Event.CHANNEL_FAILING: a_trouble(
        Event.CHANNEL_FAILING,
        an_error(
            "ORC-801",
            "7 messages wait for ops-slack; it answered 503 the last 4 times",
            "correct the channel's URL, or wait for the service",
        ),
        "orchestrator alerts test ops-slack",
        subject="channel ops-slack",
        series=(),
    ),
}

DIGEST = Alert(
    kind=AlertKind.DIGEST,
    cause=Cause(Event.DIGEST, "policy practice"),
    series=(SERIES,),
    at=NOW,
    since=NOW - timedelta(days=7),
    error=an_error("", "13 of 14 promises are kept"),
    next_command="orchestrator status",
    facts=(
        ("Needs care", "practice/app: no restore drill has succeeded for 93 days"),
        ("Promises", "13 kept, 1 broken"),
        ("Backups", "35 made in 7 days, 0 failed; 214 kept"),
        ("Size", "12.4 GiB, 0.3 GiB more than a week ago"),
        ("Verified", "214 of 214 within 30 days, 35 of them to content"),
        ("Drills", "none in 93 days"),
        ("Oldest restore point", "2025-11-30 02:00:00 UTC"),
    ),
)

TEST = Alert(
    kind=AlertKind.TEST,
    cause=Cause(Event.CHANNEL_FAILING, "channel ops-slack"),
    series=(),
    at=NOW,
    since=NOW,
    error=an_error("", "this is a test: if you can read it, the channel works"),
    next_command="orchestrator alerts list",
)


def of_many_series(number: int = 200) -> Alert:
    """A server that is down, and with it all of its databases; two have no backup yet."""
    series = tuple(a_series_numbered(one) for one in range(number))
    last_good = dict.fromkeys(series, LAST_GOOD)
    last_good |= dict.fromkeys(series[-2:], NEVER)
    return Alert(
        kind=AlertKind.OPENED,
        cause=Cause(Event.FAILED, "server db.internal:5432"),
        series=series,
        at=NOW,
        since=NOW - timedelta(hours=3, minutes=5),
        error=TROUBLES[Event.FAILED].error,
        next_command="orchestrator validate --online",
        last_good=last_good,
    )


HOSTILE = st.text(max_size=1500) | st.sampled_from(["<", "&", "`", "_*~", "](", "\n", "é"]).map(
    lambda piece: piece * 700
)


@st.composite
def alerts(draw: st.DrawFn) -> Alert:
    """Any alert, of hostile words throughout."""
    names = draw(st.lists(HOSTILE, max_size=15, unique=True))
    series = tuple(Series(PolicyName("p"), DatabaseName(name)) for name in names)
    return Alert(
        kind=draw(st.sampled_from(AlertKind)),
        cause=Cause(draw(st.sampled_from(Event)), draw(HOSTILE)),
        series=series,
        at=NOW,
        since=NOW - timedelta(seconds=draw(st.integers(-10, 10**8))),
        error=ErrorReport(code="ORC-200", what=draw(HOSTILE), next_step=draw(HOSTILE)),
        next_command=draw(HOSTILE),
        last_good={one: draw(HOSTILE) for one in series[:3]},
        facts=tuple(draw(st.lists(st.tuples(HOSTILE, HOSTILE), max_size=12))),
    )
