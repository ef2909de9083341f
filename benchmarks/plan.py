"""How long `orchestrator plan` takes with a large catalog, and how much memory.

Run it with ``make bench``; ``--sizes`` chooses other numbers of backups. Each policy has one
database, an hourly schedule at a minute of its own, and a thousand backups, which the catalog's own
writer made for the first policy, and SQL multiplied. Two catalogs of each size are measured:

- *settled*: retention under 7d/30d/3mo/1y has pruned most backups, whose rows stay; a day's worth
  has expired and waits for the end of ``prune_delay``.
- *all kept*: the policy keeps every hour of 42 days, so every backup still has its copy.

Every figure is that of a process of its own: the seconds of observing and planning, apart from
loading the policy files, and the largest resident size of the process, the loading included. *CPU*
is what observing and planning took of a processor: on a machine with other work, look at that. With
``--commands`` the whole commands `plan`, `status` and `list` are measured, too.
"""

import argparse
import json
import multiprocessing
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from typing_extensions import override

from orchestrator.catalog.open import SqlCatalog, open_catalog
from orchestrator.clock import SystemClock
from orchestrator.machine import ThisMachine
from orchestrator.model.backup import Backup, Copy, CopyState, RunReason, Slot, Trigger
from orchestrator.model.names import (
    BackupId,
    DatabaseName,
    DestinationName,
    PolicyName,
    RunId,
    ScheduleName,
    Series,
    format_identifier,
)
from orchestrator.model.policy import DesiredState, Policy
from orchestrator.model.pruning import Tombstone
from orchestrator.model.run import (
    Actor,
    LogAction,
    LogEntry,
    LogOutcome,
    Run,
    RunResult,
    RunState,
)
from orchestrator.model.timeline import MissedSlots
from orchestrator.model.verification import Level
from orchestrator.planning.planner import make_plan
from orchestrator.planning.retention import label_backups
from orchestrator.policy.load import load_policies
from orchestrator.ports.catalog import AppliedSchedule, SeriesRecord
from orchestrator.ports.clock import Clock
from orchestrator.reconciler.applying.changes import add_changes, documents_of
from orchestrator.reconciler.observe import observe

BACKUPS_OF_EACH = 1_000
SIZES = (10_000, 100_000, 1_000_000)
HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
LOCAL = DestinationName("local")
HOURLY = ScheduleName("hourly")
SERIES = Series(PolicyName("p0000"), DatabaseName("app"))
ZONE = ZoneInfo("Europe/London")
COMMAND = str(Path(sysconfig.get_path("scripts")) / "orchestrator")
ACTOR = Actor(user="backup", host="bench", process=1, process_started=1, boot_id="bench")
TIERS = {
    "settled": "{hourly: 7d, daily: 30d, weekly: 3mo, monthly: 1y}",
    "all kept": "{hourly: 42d, daily: 60d, weekly: 3mo, monthly: 1y}",
}
HEAD = """\
version: 1
destinations:
  local: {url: file:../backups}
policies:
"""
POLICY = """\
  p%(number)04d:
    timezone: Europe/London
    source: {engine: postgresql, url: "postgresql://backup@127.0.0.1/app"}
    schedules: {hourly: {cron: "%(minute)d * * * *"}}
    retention: {tiers: %(tiers)s}
    destinations: [local]
"""


@dataclass(frozen=True)
class Figures:
    """Seconds and bytes of one process, and what its plan held."""

    load: float
    observe: float
    plan: float
    cpu: float
    peak: int
    skipped: int


class StoppedClock(Clock):
    """Always tells the same time, at which the newest backups were just taken."""

    def __init__(self, now: datetime) -> None:
        """Given an aware time, stand still there."""
        self._now = now

    @override
    def now(self) -> datetime:
        return self._now

    @override
    def monotonic(self) -> float:
        return 0.0


# ------------------------------------------------------------------ what is measured
def measure(folder: Path, now: datetime) -> Figures:
    """Do what `orchestrator plan` does, in this process."""
    times = [time.perf_counter()]
    desired = load(folder)
    times.append(time.perf_counter())
    busy = time.process_time()
    with closing(open_catalog(url_of(folder))) as catalog:
        seen = observe(desired, catalog, StoppedClock(now), ThisMachine())
        times.append(time.perf_counter())
        plan = add_changes(make_plan(desired, seen), desired, catalog)
    times.append(time.perf_counter())
    return Figures(
        load=times[1] - times[0],
        observe=times[2] - times[1],
        plan=times[3] - times[2],
        cpu=time.process_time() - busy,
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        skipped=len(plan.skipped),
    )


def do_apart(work: Callable[..., None], *arguments: Path | str | int | datetime) -> None:
    """Make catalogs in a process of its own, so that this one stays small.

    Linux counts what a parent holds as a child's largest resident size until the child's `exec`.
    """
    process = multiprocessing.get_context("spawn").Process(target=work, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"{work.__name__} failed with {process.exitcode}")


def measure_apart(folder: Path, now: datetime) -> Figures:
    """Measure in a process of its own."""
    arguments = [sys.executable, __file__, "--measure", str(folder), now.isoformat()]
    done = subprocess.run(arguments, check=True, capture_output=True, text=True)
    return Figures(**json.loads(done.stdout))


def run_command(folder: Path, *arguments: str) -> tuple[float, int]:
    """Run the installed command, and return its seconds and its largest resident size in bytes."""
    started = time.perf_counter()
    with subprocess.Popen(
        [COMMAND, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{arguments} failed with {child.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss * 1024


def file_of(folder: Path) -> Path:
    """Return the catalog's file in a benchmark's folder, which is where the command looks."""
    return folder / ".orchestrator" / "catalog.sqlite3"


def url_of(folder: Path) -> str:
    """Return the URL of the catalog in a benchmark's folder."""
    return f"sqlite:///{file_of(folder)}"


# ------------------------------------------------------------------ a first series
def write_first(folder: Path, shape: str, now: datetime) -> None:
    """Write a policy file and a catalog with one policy and its thousand backups."""
    desired = write_policies(folder, shape, 1)
    with closing(open_catalog(url_of(folder))) as catalog:
        write_series(catalog, desired.policies[SERIES.policy], now)


def fill(folder: Path, first: Path, shape: str, policies: int, now: datetime) -> None:
    """Write policy files, and a catalog in which each policy has what the first one has."""
    (folder / ".orchestrator").mkdir()
    shutil.copy(file_of(first), file_of(folder))
    desired = write_policies(folder, shape, policies)
    with closing(open_catalog(url_of(folder))) as catalog:
        catalog.record_applied(
            desired.revision,
            list_schedules(desired, now),
            an_entry("all", now),
            policies=documents_of(desired),
        )
    multiply(folder, policies)


def write_policies(folder: Path, shape: str, policies: int) -> DesiredState:
    """Write policies that differ in the minute of their schedule, and load them."""
    (folder / "policies").mkdir()
    (folder / "policies" / "bench.yaml").write_text(
        HEAD
        + "".join(
            POLICY % {"number": n, "minute": n % 60, "tiers": TIERS[shape]} for n in range(policies)
        )
    )
    return load(folder)


def load(folder: Path) -> DesiredState:
    """Load the policies of a benchmark's folder."""
    desired = load_policies(folder / "policies", environment={}).desired
    if desired is None:
        raise SystemExit("the policies of the benchmark are not valid")
    return desired


def list_schedules(desired: DesiredState, now: datetime) -> list[AppliedSchedule]:
    """Return every schedule, as applied long ago."""
    return [
        AppliedSchedule(
            policy=policy.name,
            schedule=schedule.name,
            cron=schedule.cron,
            timezone=str(policy.timezone),
            since=now - 400 * DAY,
        )
        for policy in desired.policies.values()
        for schedule in policy.schedules
    ]


def write_series(catalog: SqlCatalog, policy: Policy, now: datetime) -> None:
    """Write what the catalog knows of one series that has been backed up every hour."""
    newest = now.replace(minute=0, second=5, microsecond=123456)
    backups = [a_backup(newest - n * HOUR, BACKUPS_OF_EACH - n) for n in range(BACKUPS_OF_EACH)]
    path = f"{SERIES.policy}/{SERIES.database}"
    catalog.record_series(SeriesRecord(series=SERIES, path=path, blocks_per_chunk={}))
    for backup in reversed(backups):
        entry = an_entry(backup.id, backup.finished_at)
        catalog.record_run_started(a_run(backup), an_entry(backup.run, backup.snapshot_at))
        catalog.record_run_finished(
            backup.run,
            result=RunResult(state=RunState.SUCCEEDED, backup=backup.id),
            at=backup.finished_at,
            entry=entry,
        )
        catalog.record_backup(backup, entry)
    lease = catalog.acquire(SERIES, backups[0].run, holder=ACTOR, now=newest, duration=HOUR)
    catalog.release(lease)
    note_a_missed_slot(catalog, newest)
    prune(catalog, policy, backups, now)
    catalog.record_collection(SERIES, LOCAL, at=newest, removed=[], entry=an_entry("none", newest))


def note_a_missed_slot(catalog: SqlCatalog, newest: datetime) -> None:
    """Remember that a slot was missed, long ago."""
    at = newest - 300 * DAY
    missed = MissedSlots(
        series=SERIES, schedule=HOURLY, counted_from=None, first=at, last=at, count=1
    )
    catalog.record_missed(missed, an_entry("missed", at))


def prune(catalog: SqlCatalog, policy: Policy, backups: list[Backup], now: datetime) -> None:
    """Prune what expired more than a day ago, and mark what expired since."""
    kept = labels(policy, backups, now)
    kept_before = labels(policy, [b for b in backups if b.snapshot_at <= now - DAY], now - DAY)
    going = [b for b in backups if not kept[b.id]]
    waiting = [b.id for b in going if kept_before.get(b.id)]
    catalog.record_expired(
        LOCAL,
        waiting,
        at=now - 12 * HOUR,
        beyond_normal_ageing=False,
        entry=an_entry("expired", now),
    )
    for backup in going:
        if backup.id not in waiting:
            pruned_at = min(backup.snapshot_at + 8 * DAY, now - HOUR)
            catalog.record_pruned(
                Tombstone(
                    series=SERIES,
                    backup=backup.id,
                    destination=LOCAL,
                    snapshot_at=backup.snapshot_at,
                    expired_at=pruned_at - DAY,
                    beyond_normal_ageing=False,
                    reason="no rule keeps it",
                    pruned_at=pruned_at,
                ),
                an_entry(backup.id, pruned_at),
            )


def labels(policy: Policy, backups: list[Backup], now: datetime) -> dict[BackupId, tuple[str, ...]]:
    """Return the labels of backups at a time."""
    found = label_backups(
        backups,
        destination=LOCAL,
        retention=policy.retention,
        zone=ZONE,
        now=now,
    )
    return dict(found)


def a_backup(at: datetime, sequence: int) -> Backup:
    """Return a backup with one verified copy."""
    return Backup(
        id=BackupId(format_identifier(at, "000000")),
        series=SERIES,
        path=f"{SERIES.policy}/{SERIES.database}",
        run=RunId(format_identifier(at, "000000")),
        snapshot_at=at,
        finished_at=at + 20 * SECOND,
        reason=RunReason(
            trigger=Trigger.SCHEDULE,
            slots=(Slot(at.replace(second=0, microsecond=0), HOURLY),),
        ),
        sequence=sequence,
        fence=sequence,
        revision="0" * 64,
        git_commit=None,
        manifest_digest="0" * 64,
        tables=40,
        rows=1_000_000,
        text_bytes=10**9,
        stored_bytes=10**8,
        new_bytes=10**6,
        copies=(
            Copy(
                destination=LOCAL,
                state=CopyState.COMPLETE,
                level=Level.OBJECTS,
                verified_at=at + 20 * SECOND,
            ),
        ),
    )


def a_run(backup: Backup) -> Run:
    """Return the attempt that made a backup."""
    return Run(
        id=backup.run,
        series=SERIES,
        reason=backup.reason,
        state=RunState.RUNNING,
        started_at=backup.snapshot_at - 3 * SECOND,
        actor=ACTOR,
        fence=backup.fence,
        revision=backup.revision,
    )


def an_entry(subject: str, at: datetime) -> LogEntry:
    """Return an entry of the log."""
    return LogEntry(
        at=at,
        actor=ACTOR,
        action=LogAction.BACKUP,
        subject=subject,
        outcome=LogOutcome.SUCCEEDED,
    )


# ------------------------------------------------------------------ and the others
IDENTIFIER = (
    "substr({0}, 1, 11) || printf('%02d', n % 60) || substr({0}, 14, 4) || printf('%06x', n)"
)
MOMENT = "substr({0}, 1, 14) || printf('%02d', n % 60) || substr({0}, 17)"
CHANGED = {
    "id": IDENTIFIER,
    "run": IDENTIFIER,
    "backup": IDENTIFIER,
    "policy": "printf('p%04d', n)",
    "path": "printf('p%04d/app', n)",
    **dict.fromkeys(("snapshot_at", "finished_at", "started_at", "verified_at"), MOMENT),
}
MULTIPLIED = (
    "series",
    "leases",
    "runs",
    "backups",
    "copies",
    "tombstones",
    "collections",
    "missed",
)
NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)"


def multiply(folder: Path, policies: int) -> None:
    """Give every policy what the first has, at minutes of its own.

    The log is left as it is: `plan` only asks it, through an index, for entries from the future.
    """
    if policies == 1:
        return
    with closing(sqlite3.connect(file_of(folder))) as connection, connection:
        # Rows are written as if over a year: side by side lie those of one time, not of one series.
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -1000000")
        for table in MULTIPLIED:
            described = connection.execute(f"PRAGMA table_info({table})")
            names = [name for _, name, *_ in described]
            values = ", ".join(CHANGED.get(name, "{0}").format(f'"{name}"') for name in names)
            connection.execute(
                f"INSERT INTO {table} {NUMBERS} SELECT {values} FROM {table}, numbers",  # noqa: S608 - names of our own tables
                (policies - 1,),
            )


# ------------------------------------------------------------------ the table
def print_table(sizes: list[int], *, with_commands: bool) -> None:
    """Print one line per shape and size."""
    hour = SystemClock().now().replace(minute=0, second=0, microsecond=0)
    now = hour - 30 * SECOND
    print("catalog     backups  loading  observing  planning  together     CPU  peak MiB  skipped")
    for shape in TIERS:
        with tempfile.TemporaryDirectory() as name:
            do_apart(write_first, Path(name), shape, now)
            for size in sizes:
                print_line(Path(name), shape, size, now, with_commands=with_commands)


def print_line(first: Path, shape: str, size: int, now: datetime, *, with_commands: bool) -> None:
    """Measure one catalog, and print what it took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        do_apart(fill, folder, first, shape, max(1, size // BACKUPS_OF_EACH), now)
        found = measure_apart(folder, now)
        print(
            f"{shape:9} {size:9,}  {found.load:5.2f} s  {found.observe:7.2f} s"
            f"  {found.plan:6.2f} s  {found.observe + found.plan:6.2f} s"
            f"  {found.cpu:4.2f} s  {found.peak / 2**20:8.0f}  {found.skipped:7}",
            flush=True,
        )
        if with_commands:
            print_commands(folder, now)


def print_commands(folder: Path, now: datetime) -> None:
    """Print how long whole commands take with the same catalog."""
    for arguments in (["plan", "--at", now.isoformat()], ["status"], ["list"], ["list", "p0000"]):
        seconds, peak = run_command(folder, *arguments)
        print(f"          orchestrator {arguments[0]:6} {seconds:7.2f} s  {peak / 2**20:6.0f} MiB")


def main() -> None:
    """Print the table, or measure one catalog in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--commands", action="store_true")
    parser.add_argument("--measure", nargs=2, metavar=("FOLDER", "NOW"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure is not None:
        folder, now = arguments.measure
        print(json.dumps(measure(Path(folder), datetime.fromisoformat(now)).__dict__))
    else:
        print_table(arguments.sizes, with_commands=arguments.commands)


if __name__ == "__main__":
    main()
