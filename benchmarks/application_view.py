"""What an application notices of a backup: pgbench's latency with and without one, in turn.

Each pair is one run of pgbench alone and one while backups are taken one after the other, of equal
length. Printed are the median over the pairs of p50, p95 and p99 in milliseconds, and their ratios.
Seconds say nothing across machines; on a busy one even ratios waver, so take several pairs.

``--scale`` is pgbench's (a unit is about 15 MB), ``--seconds`` how long each run is, ``--clients``
how many sessions the application has. pgbench is looked for on PATH and where Debian puts it.
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
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.engines.postgres.cluster import ThrowawayCluster
from orchestrator.engines.postgres.programs import embedded_programs

COMMAND = str(Path(sysconfig.get_path("scripts")) / "orchestrator")
DEBIAN = Path("/usr/lib/postgresql")
SHARES = (0.5, 0.95, 0.99)
MICROSECONDS_PER_MILLISECOND = 1000

POLICY = """\
version: 1
destinations: {local: {url: file:../backups}}
policies:
  bench:
    source: {engine: postgresql, url: "${env:DATABASE_URL}"}
    schedules: {daily: {cron: "0 2 * * *"}}
    retention: {tiers: {daily: 30d}}
    destinations: [local]
"""


@dataclass(frozen=True)
class Application:
    """pgbench, and what it is run with."""

    program: str
    url: str
    clients: int
    seconds: int

    def latencies(self, folder: Path) -> Sequence[float]:
        """Run it once, and return the latency of each transaction in milliseconds, ascending."""
        for log in folder.glob("latency*"):
            log.unlink()
        run(
            [
                self.program,
                *("--no-vacuum", "--log", f"--log-prefix={folder / 'latency'}"),
                *(f"--client={self.clients}", f"--jobs={self.clients}", f"--time={self.seconds}"),
                self.url,
            ]
        )
        lines = (line for log in folder.glob("latency*") for line in log.read_text().splitlines())
        return sorted(float(line.split()[2]) / MICROSECONDS_PER_MILLISECOND for line in lines)


def run(arguments: Sequence[str], **changes: str | Path) -> None:
    """Run a program; its words are shown only if it fails."""
    answer = subprocess.run(arguments, capture_output=True, text=True, check=False, **changes)  # type: ignore[call-overload] # cwd and env
    if answer.returncode != 0:
        sys.exit(f"{arguments[0]} ended with {answer.returncode}\n{answer.stdout}{answer.stderr}")


def find_pgbench() -> str:
    """Return the newest pgbench of this machine."""
    found = shutil.which("pgbench")
    installed = sorted(DEBIAN.glob("*/bin/pgbench"), key=lambda path: int(path.parts[-3]))
    if found is None and not installed:
        sys.exit("there is no pgbench on PATH or below /usr/lib/postgresql")
    return found or str(installed[-1])


class Backups:
    """Takes one backup after the other of a database, in a folder of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        """Make the policy; nothing is taken before `going_on`."""
        self.taken = 0
        self._folder = folder
        self._environment = {**os.environ, "DATABASE_URL": url}
        (folder / "policies").mkdir()
        (folder / "policies" / "bench.yaml").write_text(POLICY)

    def take(self) -> None:
        """Take one that stores every row anew."""
        shutil.rmtree(self._folder / "backups", ignore_errors=True)
        shutil.rmtree(self._folder / ".orchestrator", ignore_errors=True)
        run([COMMAND, "apply"], cwd=self._folder, env=self._environment)  # type: ignore[arg-type] # a mapping
        self.taken += 1

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Take backups as long as the block lasts; the last is finished."""
        stop = threading.Event()

        def take_until_told() -> None:
            while not stop.is_set():
                self.take()

        thread = threading.Thread(target=take_until_told)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def measure(application: Application, backups: Backups, folder: Path, pairs: int) -> None:
    """Run pairs, and print each share of the latencies with its ratio."""
    alone: list[Sequence[float]] = []
    beside: list[Sequence[float]] = []
    for _ in range(pairs):
        alone.append(application.latencies(folder))
        with backups.going_on():
            beside.append(application.latencies(folder))
    print(f"{backups.taken} backups, {sum(map(len, beside))} transactions beside them")
    for share in SHARES:
        without = [values[int(share * len(values))] for values in alone]
        with_one = [values[int(share * len(values))] for values in beside]
        ratios = [one / other for one, other in zip(with_one, without, strict=True)]
        print(
            f"p{share * 100:g}: {statistics.median(without):.2f} ms alone,"
            f" {statistics.median(with_one):.2f} ms beside a backup,"
            f" ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=3)
    options = parser.parse_args()
    program = find_pgbench()
    with (
        tempfile.TemporaryDirectory() as folder,
        ThrowawayCluster(embedded_programs(), listen_on_loopback=True) as cluster,
    ):
        url = cluster.url("postgres")
        run([program, "--initialize", "--quiet", f"--scale={options.scale}", url])
        print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        place = Path(folder)
        application = Application(program, url, options.clients, options.seconds)
        measure(application, Backups(place, url), place, options.pairs)


if __name__ == "__main__":
    main()
