"""The whole story on an embedded PostgreSQL: plan, backup, accident, restore, alarm.

Every command is the real one, run as a user runs it; every step's exit code and outcome is checked,
so the demo fails where the product does. It writes nowhere but into its server's folder.
"""

import os
import secrets
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from importlib.resources import as_file, files

from orchestrator.demo.narrator import Narrator
from orchestrator.demo.receiver import AlertReceiver
from orchestrator.demo.scarcity import run_out_of_room
from orchestrator.demo.stage import DemoServer, Stage, StepFailedError, in_order, practice_policy

ROWS = 300_000
POLICY = "practice"
OWNER = "practice_app"
SOURCE = "practice"
RESTORED = "practice_restored"

_ACCIDENT = "DELETE FROM clients WHERE id % 3 = 0"
_ALERT_TIMEOUT = 20.0  # seconds


def run_demo(start_server: Callable[[], AbstractContextManager[DemoServer]], *, keep: bool) -> int:
    """Tell the story and return the exit code: 0, or 1 if a step is not as told.

    ``start_server`` starts an empty PostgreSQL server on loopback that lasts for its ``with``
    block. With ``keep`` the server and the folder stay, and how to go on is printed.
    """
    terminal = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    narrator = Narrator(colours=terminal)
    started = time.monotonic()
    narrator.say("This starts a PostgreSQL server of its own, and removes it in the end.")
    try:
        with start_server() as server, AlertReceiver() as receiver:
            stage = _prepare(server, receiver, narrator)
            _tell(stage, server, receiver)
            seconds = time.monotonic() - started
            narrator.success(
                f"The story is true on this machine, in {seconds:.0f} s: planned, backed up,"
                " proved, lost, restored equal, and the failure and its end were told."
            )
            _say_how_to_go_on(stage, server, keep=keep)
    except StepFailedError as error:
        narrator.failure(str(error))
        return 1
    return 0


def _prepare(server: DemoServer, receiver: AlertReceiver, narrator: Narrator) -> Stage:
    narrator.step(
        "A database to lose",
        "The line-of-business database of a small accounting practice, owned by a role that is"
        " not a superuser.",
    )
    password = secrets.token_urlsafe(12)
    source = server.url(SOURCE, user=OWNER, password=password)
    # Inside the server's folder, so that whatever removes a killed demo's server removes this, too.
    folder = server.folder / "demo"
    folder.mkdir()
    stage = Stage(
        narrator=narrator,
        folder=folder,
        programs=server.programs,
        variables={"DATABASE_URL": source, "ALERT_URL": receiver.url},
    )
    stage.psql(
        server.url(),
        # The owner of large objects may not read the table that holds them without that role.
        text=f"CREATE ROLE {OWNER} LOGIN CREATEDB IN ROLE pg_read_all_data PASSWORD '{password}';\n"
        f"CREATE DATABASE {SOURCE} OWNER {OWNER} TEMPLATE template0;\n",
    )
    with as_file(files("orchestrator.demo") / "practice.sql") as script:
        rows = f"SET practice.rows = '{ROWS}'"
        stage.psql(source, "-o", os.devnull, "-c", rows, "-f", str(script))
    counts = stage.count_rows(source)
    narrator.say(
        f"It has {sum(counts.values()):,} rows in {len(counts)} tables, one of them partitioned by"
        " month."
    )
    policies = folder / "policies"
    policies.mkdir()
    (policies / f"{POLICY}.yaml").write_text(practice_policy(), "utf-8")
    return stage


def _tell(stage: Stage, server: DemoServer, receiver: AlertReceiver) -> None:
    source = stage.variables["DATABASE_URL"]
    _back_up(stage)
    before = stage.count_rows(source)
    after = _have_an_accident(stage, source)
    _restore(stage, server, before=before, after=after)
    run_out_of_room(stage, receiver)
    _break_the_source(stage, server, receiver)


def _back_up(stage: Stage) -> None:
    stage.narrator.step(
        "Say what must be true",
        f"policies/{POLICY}.yaml declares what is backed up, when, for how long and who is told.",
    )
    stage.orchestrator("validate")
    stage.orchestrator("plan")
    stage.narrator.step("Make it true", "One pass does what the plan says. A second finds no work.")
    stage.orchestrator("apply")
    stage.orchestrator("list")
    stage.orchestrator("apply")


def _have_an_accident(stage: Stage, source: str) -> dict[str, int]:
    stage.narrator.step(
        "An accident", "Somebody deletes a third of the clients; foreign keys do the rest."
    )
    stage.narrator.command(f'psql {SOURCE} -c "{_ACCIDENT}"')
    stage.psql(source, "-c", _ACCIDENT)
    after = stage.count_rows(source)
    stage.narrator.output(f"{sum(after.values()):,} rows are left")
    return after


def _restore(
    stage: Stage, server: DemoServer, *, before: dict[str, int], after: dict[str, int]
) -> None:
    stage.narrator.step(
        "Back again",
        "The backup becomes a new database beside the damaged one. It gets its name only after"
        " every row of it was compared with the backup.",
    )
    stage.orchestrator(
        *("restore", "latest", "--policy", POLICY, "--into-new", RESTORED, "--prove")
    )
    restored = stage.count_rows(server.url(RESTORED))
    lost = [table for table in before if after[table] != before[table]]
    totals = [sum(counts.values()) for counts in (before, after, restored)]
    stage.narrator.table(
        ("rows", "before", "after the accident", RESTORED),
        [
            *in_order(lost, before, after, restored),
            [f"all {len(before)} tables", *(f"{total:,}" for total in totals)],
        ],
    )
    if not lost or restored != before:
        raise StepFailedError("the restored database does not have the rows from before")


def _break_the_source(stage: Stage, server: DemoServer, receiver: AlertReceiver) -> None:
    stage.narrator.step(
        "Something breaks", "The database server is stopped; the next backup cannot succeed."
    )
    server.stop()
    stage.orchestrator("backup", POLICY, fails=True)
    alert = receiver.wait(_ALERT_TIMEOUT)
    if alert is None:
        raise StepFailedError("the backup failed, but no alert arrived")
    stage.narrator.received(
        "What arrived, over HTTP, at the channel that the policy names:",
        (alert.title, *alert.message.splitlines()),
    )
    if POLICY not in alert.title + alert.message:
        raise StepFailedError("the alert does not name the policy")
    _bring_it_back(stage, server, receiver)


def _bring_it_back(stage: Stage, server: DemoServer, receiver: AlertReceiver) -> None:
    stage.narrator.step(
        "Right again", "The server is back. The next backup succeeds, and who was told is told so."
    )
    server.start()
    stage.orchestrator("backup", POLICY)
    alert = receiver.wait(_ALERT_TIMEOUT)
    if alert is None or not alert.title.startswith("[OK]"):
        raise StepFailedError("the backup succeeded, but nobody was told that all is well again")
    stage.narrator.received("And this:", (alert.title, *alert.message.splitlines()))
    stage.orchestrator("alerts", "list")


def _say_how_to_go_on(stage: Stage, server: DemoServer, *, keep: bool) -> None:
    if not keep:
        stage.narrator.say(
            "Everything it started is removed. `orchestrator demo --keep` leaves it to play with;"
            " `orchestrator init` writes a first policy for a database of yours."
        )
        return
    server.detach()
    exports = [f"export {name}='{value}'" for name, value in stage.variables.items()]
    if shutil.which("orchestrator") is None:
        exports.append(f"alias orchestrator='{sys.executable} -m orchestrator'")
    process = server.process_id
    stage.narrator.say("The server runs on. To go on by hand:")
    stage.narrator.block(
        {
            f"cd {stage.folder}": "",
            **dict.fromkeys(exports, ""),
            "orchestrator status": "or plan, list, show latest, verify, log",
            f'{stage.programs / "psql"} "$DATABASE_URL"': "break something else",
            f"kill -INT {process}; tail --pid={process} -f /dev/null;"
            f" rm -r {server.folder}": "stops the server and removes everything",
        }
    )
