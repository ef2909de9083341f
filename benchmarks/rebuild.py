"""How long `catalog rebuild` takes for a local directory full of backups, and its second run.

Run it with ``make bench``; ``--backups`` scales it. The manifests are real ones of backups that
share all but one in a hundred of their chunks. Of the chunks only the sizes are real, and there are
no details: neither is read by a rebuild, except the details of one backup. The floor to compare
with is decoding the same manifests one after another in memory.
"""

import argparse
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from orchestrator.archive.layout import (
    MARKER_KEY,
    chunk_key,
    manifest_key,
    schema_key,
    series_path,
)
from orchestrator.archive.manifest import decode_manifest, digest_of, encode_manifest
from orchestrator.archive.marker import Marker, encode_marker
from orchestrator.model.backup import RunReason, Trigger
from orchestrator.model.manifest import Manifest, ManifestSource, ObjectRole, StoredObject
from orchestrator.model.names import (
    BackupId,
    DatabaseName,
    ObjectKey,
    PolicyName,
    RunId,
    Series,
    format_identifier,
)

COMMAND = str(Path(sysconfig.get_path("scripts")) / "orchestrator")
SERIES = Series(PolicyName("bench"), DatabaseName("app"))
PATH = series_path(SERIES)
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
CHUNK = b"x" * 100
SCHEMA = b"PGDMP"
CHUNKS_OF_EACH = (10, 100, 1000)

POLICY = """\
version: 1
destinations:
  local: {url: file:../backups}
policies:
  bench:
    source: {engine: postgresql, url: "postgresql://backup@127.0.0.1/app"}
    schedules:
      hourly: {cron: "0 * * * *"}
    retention:
      tiers: {hourly: 7d}
    destinations: [local]
"""


@dataclass(frozen=True)
class Figures:
    """Wall seconds for so many backups of so many chunks, and how many objects lay there."""

    objects: int
    floor: float
    first: float
    second: float
    check: float


def measure(folder: Path, backups: int, chunks: int) -> Figures:
    """Fill a folder with backups and measure rebuild, a second rebuild, and the check."""
    (folder / "policies").mkdir(parents=True)
    (folder / "policies" / "bench.yaml").write_text(POLICY)
    written = dict(make_objects(backups, chunks))
    for key, data in written.items():
        target = folder / "backups" / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    manifests = [data for key, data in written.items() if key.endswith("/manifest.json")]
    started = time.perf_counter()
    for data in manifests:
        decode_manifest(data)
    floor = time.perf_counter() - started
    rebuild = ("catalog", "rebuild", "--from", "local")
    return Figures(
        objects=len(written),
        floor=floor,
        first=run(folder, *rebuild),
        second=run(folder, *rebuild),
        check=run(folder, "catalog", "check"),
    )


def run(folder: Path, *arguments: str) -> float:
    """Run the installed command and return its wall seconds; a failure ends the benchmark."""
    started = time.perf_counter()
    subprocess.run([COMMAND, *arguments], cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - started


def make_objects(backups: int, chunks: int) -> Iterator[tuple[ObjectKey, bytes]]:
    """Yield every object of a series of backups an hour apart."""
    marker = Marker(uuid="1d4cbb4e-0000-4000-8000-000000000000", written_at=FIRST)
    yield MARKER_KEY, encode_marker(marker)
    previous: str | None = None
    for number in range(backups):
        manifest = make_manifest(number, chunks, previous)
        data = encode_manifest(manifest)
        previous = digest_of(data)
        yield manifest_key(PATH, manifest.backup), data
        for stored in manifest.objects:
            yield stored.key, SCHEMA if stored.role is ObjectRole.SCHEMA else CHUNK


def make_manifest(number: int, chunks: int, previous: str | None) -> Manifest:
    """Return the manifest of one backup, with one new chunk in a hundred."""
    at = FIRST + number * timedelta(hours=1)
    backup = BackupId(format_identifier(at, f"{number:06x}"))
    new = max(1, chunks // 100)
    objects = (
        *(make_chunk(index) for index in range(number * new, number * new + chunks)),
        StoredObject(
            key=schema_key(PATH, backup),
            role=ObjectRole.SCHEMA,
            size=len(SCHEMA),
            sha256=digest_of(SCHEMA),
        ),
    )
    return Manifest(
        backup=backup,
        series=SERIES,
        path=PATH,
        run=RunId(backup),
        snapshot_at=at,
        finished_at=at,
        reason=RunReason(trigger=Trigger.MANUAL),
        revision="0" * 64,
        git_commit=None,
        source=ManifestSource(
            engine="postgresql", system_identifier="1", database_oid=5, server_version="17.0"
        ),
        sequence=number + 1,
        fence=number + 1,
        previous_digest=previous,
        totals={"tables": 1, "rows": chunks, "text_bytes": 1, "stored_bytes": 1, "new_bytes": 1},
        objects=objects,
        written_by="benchmark",
    )


def make_chunk(index: int) -> StoredObject:
    """Return the chunk of one number, whatever backup names it."""
    digest = sha256(str(index).encode()).hexdigest()
    return StoredObject(
        key=chunk_key(PATH, digest), role=ObjectRole.CHUNK, size=len(CHUNK), sha256=digest
    )


def main() -> None:
    """Print one line per size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backups", type=int, default=1000)
    backups = parser.parse_args().backups
    print(f"{backups} backups of one series in a local directory, wall seconds")
    print("chunks each  objects  decode alone  rebuild  again  check")
    for chunks in CHUNKS_OF_EACH:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), backups, chunks)
        print(
            f"{chunks:11}  {found.objects:7}  {found.floor:12.1f}  {found.first:7.1f}"
            f"  {found.second:5.1f}  {found.check:5.1f}"
        )


if __name__ == "__main__":
    main()
