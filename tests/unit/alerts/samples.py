"""Messages for tests of forms and limits; what the product says is in `tests/support/every_trouble`."""

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
    Event.DRILL_FAILED: a_trouble(
        Event.DRILL_FAILED,
        an_error(
            "ORC-503",
            "the restored table public.clients has 3 rows fewer than the manifest says",
            "do not rely on this backup; make a new one, and drill again",
        ),
        "orchestrator drill practice",
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
