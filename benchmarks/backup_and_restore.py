"""Ours against pg_dump and pg_restore, in turn, on one server: every line of design §10 about data.

Run it with ``make bench``. Each line is measured in pairs, theirs and ours one after the other, and
each printed figure is the median of its pairs. Wall seconds are of the whole command, as a user
waits for it; CPU seconds are those of the command with all its children, and of the server meanwhile.
On a busy machine the CPU ratio says more than the wall ratio. Never compare seconds across machines.

``--megabytes`` scales the data (COPY text, a third each: narrow rows, wide rows with jsonb, pgbench
tables), ``--pairs`` the number of pairs, ``--only`` picks lines by their first letters. The catalog
is made before the clock starts: that happens once in its life.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

from orchestrator.engines.postgres.cluster import ThrowawayCluster
from orchestrator.engines.postgres.programs import embedded_programs, read_version

COMMAND = str(Path(sysconfig.get_path("scripts")) / "orchestrator")
SETTINGS = {
    "fsync": "off",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
    # It would come and go in the middle of a pair.
    "autovacuum": "off",
}
TICKS = os.sysconf("SC_CLK_TCK")

# Of what is stored, the share that a backup of unchanged data may add.
UNCHANGED = 0.01

# Bytes of COPY text of one row, measured once.
NARROW_BYTES = 44
WIDE_BYTES = 520
BYTES_OF_SCALE = 9_700_000

NARROW = """
CREATE TABLE narrow AS SELECT g AS id, (g * 7) % 1000 AS a, md5(g::text) AS b
  FROM generate_series(1, {rows}) g;
ALTER TABLE narrow ADD PRIMARY KEY (id);
CREATE INDEX ON narrow (b);
"""
WIDE = """
CREATE TABLE wide AS SELECT g AS id, md5((g * 11)::text) || md5((g * 13)::text) AS word,
  jsonb_build_object('id', g, 'name', md5((g * 3)::text), 'tags', array[g % 7, g % 11],
    'note', repeat(md5((g % 1000)::text) || ' lorem ', 6), 'at', '2026-01-01'::date + g % 3650,
    'address', jsonb_build_object('street', md5((g * 5)::text), 'number', g % 200,
      'city', 'Town ' || g % 5000)) AS document
  FROM generate_series(1, {rows}) g;
ALTER TABLE wide ADD PRIMARY KEY (id);
"""
POLICY = """\
version: 1
destinations:
  local: {{url: "file://{backups}"}}
policies:
  bench:
    source: {{engine: postgresql, url: "${{env:DATABASE_URL}}"}}
    schedules:
      daily: {{cron: "0 2 * * *"}}
    retention:
      tiers: {{daily: 30d}}
    destinations: [local]
{compression}"""
AS_FAST_AS_CAN_BE = "    compression: {zstd: 1}\n    verify: {after_backup: objects}\n"
DEFAULTS = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall seconds, CPU seconds of the command and of the server, and MiB at its largest."""

    wall: float
    command: float
    server: float
    peak: float

    def __add__(self, other: "Measured") -> "Measured":
        return Measured(
            self.wall + other.wall,
            self.command + other.command,
            self.server + other.server,
            max(self.peak, other.peak),
        )


class Bench:
    """One server with data, and the ways to back it up and restore it."""

    def __init__(self, cluster: ThrowawayCluster, folder: Path, programs: Path) -> None:
        """``folder`` takes everything that is written."""
        self.cluster = cluster
        self.folder = folder
        self.programs = programs
        self.database = "bench"
        self.rounds = 0
        (folder / "policies").mkdir()

    # ------------------------------------------------------------------ running
    def run(self, *argv: str) -> Measured:
        """Run a command and return what it took; one that fails ends the benchmark."""
        before, start = self._server_seconds(), time.perf_counter()
        child = subprocess.Popen(
            argv,
            env={**os.environ, "DATABASE_URL": self.cluster.url(self.database)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - start
        if status != 0:
            raise SystemExit(f"{' '.join(argv)} ended with {os.waitstatus_to_exitcode(status)}")
        server = self._server_seconds() - before
        return Measured(wall, usage.ru_utime + usage.ru_stime, server, usage.ru_maxrss / 1024)

    def client(self, name: str, *arguments: str, database: str | None = None) -> Measured:
        """Run a client program of PostgreSQL on a database."""
        url = self.cluster.url(database or self.database)
        return self.run(str(self.programs / name), *arguments, "-d", url)

    def sql(self, statement: str, *, database: str | None = None) -> None:
        """Run statements, each in a transaction of its own."""
        url = self.cluster.url(database or self.database)
        program = str(self.programs / "psql")
        subprocess.run(
            [program, "-qX", "-v", "ON_ERROR_STOP=1", "-d", url],
            input=f"SET client_min_messages = warning;\n{statement}",
            text=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def orchestrator(self, *arguments: str) -> Measured:
        """Run the installed command."""
        return self.run(COMMAND, "--state", f"state{self.rounds}", *arguments)

    def _server_seconds(self) -> float:
        """Return the CPU seconds of the server's processes, those that ended included."""
        total = 0
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                total += _ticks_of(entry, self.cluster.process_id)
        return total / TICKS

    # ------------------------------------------------------------------ backups
    def pg_dump(self) -> Measured:
        """A full backup by pg_dump in two jobs."""
        shutil.rmtree(self.folder / "dump", ignore_errors=True)
        return self.client("pg_dump", "-Fd", "-j2", "-Z", "zstd:1", "-f", str(self.folder / "dump"))

    def pg_dump_by_default(self) -> Measured:
        """A full backup by pg_dump as most people run it."""
        return self.client("pg_dump", "-Fc", "-f", str(self.folder / "dump.custom"))

    def full(self, compression: str = AS_FAST_AS_CAN_BE) -> Measured:
        """A full backup by us into an empty place, every stored byte read back."""
        shutil.rmtree(self.folder / f"backups{self.rounds}", ignore_errors=True)
        self.rounds += 1
        policy = POLICY.format(backups=self.backups, compression=compression)
        (self.folder / "policies" / "bench.yaml").write_text(policy)
        self.orchestrator("list")
        return self.orchestrator("apply")

    def again(self) -> Measured:
        """The same again: nothing has changed."""
        before = _size_of(self.backups)
        measured = self.orchestrator("backup", "bench")
        stored = (_size_of(self.backups) - before) / before
        if stored >= UNCHANGED:
            raise SystemExit(f"a backup of unchanged data stored {stored:.1%}")
        return measured

    @property
    def backups(self) -> Path:
        """Where the present round stores."""
        return self.folder / f"backups{self.rounds}"

    # ------------------------------------------------------------------ restores
    def pg_restore(self) -> Measured:
        """A restore by pg_restore in two jobs, and ANALYZE."""
        self.drop("theirs")
        self.sql("CREATE DATABASE theirs", database="postgres")
        measured = self.client(
            "pg_restore", "-j2", str(self.folder / "dump"), database="theirs"
        ) + self.client("vacuumdb", "-qZ", "-j2", database="theirs")
        self.drop("theirs")
        return measured

    def restore(self) -> Measured:
        """A restore by us, which compares row counts and analyzes."""
        self.drop("ours")
        measured = self.orchestrator("restore", "latest", "--into-new", "ours")
        self.drop("ours")
        return measured

    def drop(self, database: str) -> None:
        """Drop a database that may be there."""
        self.sql(f"DROP DATABASE IF EXISTS {database}", database="postgres")


def _ticks_of(process: Path, postmaster: int | None) -> int:
    try:
        fields = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    # After the name: state, parent, …; user, system, and the same of children that ended.
    if int(process.name) == postmaster:
        return sum(map(int, fields[11:15]))
    return sum(map(int, fields[11:13])) if int(fields[1]) == postmaster else 0


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def make_data(bench: Bench, megabytes: int) -> None:
    """Fill ``bench`` with all tables, and ``narrow_alone`` with one."""
    third = megabytes * 1_000_000 // 3
    narrow = NARROW.format(rows=third // NARROW_BYTES)
    bench.sql("CREATE DATABASE bench; \nCREATE DATABASE narrow_alone;", database="postgres")
    bench.sql(narrow, database="narrow_alone")
    bench.sql(narrow + WIDE.format(rows=third // WIDE_BYTES))
    bench.client("pgbench", "-i", "-I", "dtGvp", "-s", str(max(1, third // BYTES_OF_SCALE)))
    bench.client("vacuumdb", "-q", "-z")
    bench.client("vacuumdb", "-q", "-z", database="narrow_alone")


def compare(
    name: str, theirs: Callable[[], Measured], ours: Callable[[], Measured], pairs: int
) -> None:
    """Measure pairs and print the medians, with the ratios of wall and of all CPU seconds."""
    measured = [(theirs(), ours()) for _ in range(pairs)]
    their, our = (_median([pair[side] for pair in measured]) for side in (0, 1))
    wall = statistics.median(two.wall / one.wall for one, two in measured)
    cpu = statistics.median(
        (two.command + two.server) / (one.command + one.server) for one, two in measured
    )
    print(
        f"| {name:38} | {_say(our)} | {_say(their)} | {wall:5.2f} | {cpu:5.2f} | {our.peak:4.0f} |"
    )
    sys.stdout.flush()


def _median(measured: Sequence[Measured]) -> Measured:
    columns = zip(*map(astuple, measured), strict=True)
    return Measured(*(statistics.median(column) for column in columns))


def _say(measured: Measured) -> str:
    return f"{measured.wall:6.2f} s ({measured.command:5.2f} + {measured.server:5.2f})"


def compare_all(bench: Bench, pairs: int, only: str) -> None:
    """Print a line for each promise whose name begins with ``only``."""

    def on(database: str, work: Callable[[], Measured]) -> Callable[[], Measured]:
        def run() -> Measured:
            bench.database = database
            return work()

        return run

    lines = {
        "full, zstd 1: pg_dump -Fd -j2 zstd:1": (bench.pg_dump, bench.full, "bench"),
        "again, unchanged: the same": (bench.pg_dump, bench.again, "bench"),
        "restore: pg_restore -j2, vacuumdb -Z": (bench.pg_restore, bench.restore, "bench"),
        "one table: pg_dump -Fd -j2 zstd:1": (bench.pg_dump, bench.full, "narrow_alone"),
        "defaults: pg_dump -Fc": (
            bench.pg_dump_by_default,
            lambda: bench.full(DEFAULTS),
            "bench",
        ),
    }
    if not "full".startswith(only):
        # What the other lines repeat or restore.
        on("bench", bench.pg_dump)()
        on("bench", bench.full)()
    for name, (theirs, ours, database) in lines.items():
        if name.startswith(only):
            compare(name, on(database, theirs), on(database, ours), pairs)


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", default="")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="orchestrator-bench-") as folder,
        ThrowawayCluster(embedded_programs(), settings=SETTINGS) as cluster,
    ):
        programs = read_version(embedded_programs())
        bench = Bench(cluster, Path(folder), programs.directory)
        make_data(bench, options.megabytes)
        print(f"{options.megabytes:,} MB of COPY text, medians of {options.pairs} pairs,")
        print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f},")
        major, minor = programs.version
        print(f"PostgreSQL {major}.{minor}, Unix socket, fsync off at the server\n")
        title = "wall s (CPU s of command + server)"
        print(f"| {'ours: theirs':38} | {'ours: ' + title} | theirs | wall | CPU | MiB |")
        print("|---|---|---|---|---|---|")
        compare_all(bench, options.pairs, options.only)


if __name__ == "__main__":
    main(sys.argv[1:])
