"""Ours against pg_dump and pg_restore, in turn, on one server; prints ratios of medians.

Run it with ``make bench``. ``--rows`` scales the data, ``--pairs`` the number of pairs. Times are
wall seconds of the whole command, as a user waits for it; never compare them across machines.
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
from pathlib import Path

from orchestrator.engines.postgres.cluster import ThrowawayCluster
from orchestrator.engines.postgres.programs import embedded_programs, read_version

COMMAND = str(Path(sysconfig.get_path("scripts")) / "orchestrator")

DATA = """
CREATE TABLE narrow AS SELECT g AS id, (g * 7) % 1000 AS a, md5(g::text) AS b
  FROM generate_series(1, {rows}) g;
CREATE TABLE wide AS SELECT g AS id, repeat(md5(g::text), 8) AS w,
  jsonb_build_object('id', g, 'name', md5((g * 3)::text), 'tags', array[g % 7, g % 11]) AS j
  FROM generate_series(1, {rows} / 4) g;
CREATE TABLE money AS SELECT g AS id, (g * 0.37)::numeric(12, 2) AS amount, g % 50 AS account,
  timestamp '2026-01-01' + g * interval '1 minute' AS at FROM generate_series(1, {rows}) g;
ALTER TABLE narrow ADD PRIMARY KEY (id);
ALTER TABLE wide ADD PRIMARY KEY (id);
ALTER TABLE money ADD PRIMARY KEY (id);
CREATE INDEX ON narrow (b);
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
    compression: {{zstd: 1}}
    verify: {{after_backup: objects}}
"""


class Bench:
    """One server with data, and the ways to back it up and restore it."""

    def __init__(self, url: str, folder: Path, programs: Path) -> None:
        """``folder`` takes everything that is written."""
        self.url = url
        self.folder = folder
        self.programs = programs
        self.rounds = 0
        (folder / "policies").mkdir()

    def run(self, *argv: str) -> None:
        """Run a command; one that fails ends the benchmark."""
        environment = {**os.environ, "DATABASE_URL": self.url}
        subprocess.run(
            argv, check=True, env=environment, stdout=subprocess.DEVNULL, cwd=self.folder
        )

    def program(self, name: str) -> str:
        """Return the path of a client program."""
        return str(self.programs / name)

    def pg_dump(self) -> None:
        """A full backup by pg_dump in two jobs."""
        target = self.folder / "dump"
        shutil.rmtree(target, ignore_errors=True)
        self.run(
            self.program("pg_dump"), "-Fd", "-j2", "-Z", "zstd:1", "-f", str(target), "-d", self.url
        )

    def ours_full(self) -> None:
        """A full backup by us into an empty place, every stored byte read back."""
        self.rounds += 1
        backups = self.folder / f"backups{self.rounds}"
        (self.folder / "policies" / "bench.yaml").write_text(POLICY.format(backups=backups))
        self.orchestrator("apply")

    def ours_again(self) -> None:
        """The same again: nothing has changed."""
        self.orchestrator("backup", "bench")

    def orchestrator(self, *arguments: str) -> None:
        """Run the installed command."""
        self.run(COMMAND, "--state", f"state{self.rounds}", *arguments)

    def pg_restore(self) -> None:
        """A restore by pg_restore in two jobs, and ANALYZE."""
        self.run(
            self.program("psql"), "-qX", "-d", self.url, "-c", "DROP DATABASE IF EXISTS theirs"
        )
        self.run(self.program("psql"), "-qX", "-d", self.url, "-c", "CREATE DATABASE theirs")
        other = self.url.replace("/bench", "/theirs")
        self.run(self.program("pg_restore"), "-j2", "-d", other, str(self.folder / "dump"))
        self.run(self.program("vacuumdb"), "-qZ", "-j2", "-d", other)

    def ours_restore(self) -> None:
        """A restore by us, which compares row counts and analyzes."""
        self.run(self.program("psql"), "-qX", "-d", self.url, "-c", "DROP DATABASE IF EXISTS ours")
        self.orchestrator("restore", "latest", "--into-new", "ours")


def timed(work: Callable[[], None]) -> float:
    """Return how many seconds it took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(name: str, ours: Callable[[], None], theirs: Callable[[], None], pairs: int) -> None:
    """Run both in turn and print the ratio of the medians."""
    times = [(timed(theirs), timed(ours)) for _ in range(pairs)]
    their_median = statistics.median(one for one, _ in times)
    our_median = statistics.median(two for _, two in times)
    print(f"{name:32} {our_median:8.2f} s {their_median:8.2f} s   {our_median / their_median:5.2f}")


def main(arguments: Sequence[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="orchestrator-bench-") as folder,
        ThrowawayCluster(
            embedded_programs(),
            listen_on_loopback=True,
            settings={"fsync": "off", "shared_buffers": "512MB", "max_wal_size": "4GB"},
        ) as cluster,
    ):
        programs = read_version(embedded_programs())
        bench = Bench(cluster.url("bench"), Path(folder), programs.directory)
        psql = [bench.program("psql"), "-qX", "-v", "ON_ERROR_STOP=1", "-d"]
        bench.run(*psql, cluster.url("postgres"), "-c", "CREATE DATABASE bench")
        bench.run(*psql, bench.url, "-c", DATA.format(rows=options.rows), "-c", "VACUUM ANALYZE")
        print(f"rows {options.rows:,}, pairs {options.pairs}, {platform.machine()},")
        print(f"{os.cpu_count()} processors, {programs.version_text.strip()}")
        print(f"{'':32} {'ours':>10} {'theirs':>10}   ratio")
        compare("full backup, zstd 1, objects", bench.ours_full, bench.pg_dump, options.pairs)
        compare("repeated backup", bench.ours_again, bench.pg_dump, options.pairs)
        compare("restore with ANALYZE", bench.ours_restore, bench.pg_restore, options.pairs)


if __name__ == "__main__":
    main(sys.argv[1:])
