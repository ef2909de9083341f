"""A holder that is frozen past its lease and woken has nothing adopted and prunes nothing (F07)."""

import os
import random
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg
import pytest

from orchestrator.catalog.open import SqlCatalog, open_catalog
from orchestrator.clock import SystemClock
from orchestrator.model.lease import Lease
from orchestrator.model.run import LogAction, LogOutcome
from tests.faults.history import History, make_history
from tests.faults.places import LISTED_IN_WORDS, FaultPlace, note
from tests.faults.stored import assert_nothing_named_is_missing, manifests_at
from tests.support.postgres import Database

ROUNDS = int(os.environ.get("ORCHESTRATOR_FROZEN_ROUNDS", "1"))
SEED = int(os.environ.get("ORCHESTRATOR_FAULT_SEED", "20261123"))
AVOIDS_TRANSACTIONS = ROUNDS == 1
"""Nobody can take over from one that is frozen there, and all wait 40 s: that is for campaigns."""
LEASE_SECONDS = 3.0
ENDS_WITHIN_SECONDS = 60
FAILED, PARTLY_DONE, LOCKED = 1, 3, 75
CHANGES = frozenset({LogAction.STORE, LogAction.ADOPT, LogAction.PRUNE, LogAction.EXPIRED})


# The second kind costs a history of its own: it is for campaigns.
@pytest.fixture(params=["sqlite", "postgresql"] if ROUNDS > 1 else ["sqlite"])
def history(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Database) -> History:
    catalog = None
    if request.param == "postgresql":
        catalog = empty_database.server.create_database().url
    return make_history(tmp_path / "history", empty_database, catalog)


class Holder:
    """A pass under way that is frozen while it holds the lease of the series."""

    def __init__(self, place: FaultPlace, catalog: SqlCatalog) -> None:
        self.place, self.catalog = place, catalog
        self.process = place.start("apply")

    def lease(self) -> Lease | None:
        held = (one for one in self.catalog.leases() if one.holder.process == self.process.pid)
        return next(held, None)

    def freeze(self, after: float) -> Lease | None:
        """Stop it so many seconds after it first held a lease; None if it had ended by then."""
        while self.lease() is None and self.process.poll() is None:
            time.sleep(0.01)
        time.sleep(after)
        while self.process.poll() is None:
            self.process.send_signal(signal.SIGSTOP)
            time.sleep(0.02)
            lease = self.lease()
            if lease is not None and not (AVOIDS_TRANSACTIONS and is_locked(self.place)):
                return lease
            self.process.send_signal(signal.SIGCONT)
            time.sleep(0.005)
        return None

    def wake(self) -> str:
        """Let it go on to its end, and return what it said on stderr."""
        self.process.send_signal(signal.SIGCONT)
        _, err = self.process.communicate(timeout=ENDS_WITHIN_SECONDS)
        return err


def is_locked(place: FaultPlace) -> bool:
    """Return whether the frozen process stopped in the middle of a transaction on the catalog."""
    if place.catalog is not None:
        with psycopg.connect(place.catalog) as connection:
            query = "SELECT count(*) FROM pg_locks WHERE mode = 'RowExclusiveLock' AND granted"
            row = connection.execute(f"{query} AND pid <> pg_backend_pid()").fetchone()
            return row is not None and row[0] > 0
    path = place.root / place.state / "catalog.sqlite3"
    with closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
    return False


def wait_until_over(lease: Lease) -> None:
    left = (lease.expires_at - SystemClock().now()).total_seconds()
    time.sleep(max(0.0, left) + 0.05)


@dataclass(frozen=True)
class Seen:
    """What the catalog lists, what lies at the destination, and how much was changed so far."""

    listed: frozenset[str]
    manifests: frozenset[str]
    changes: int

    @staticmethod
    def at(place: FaultPlace, catalog: SqlCatalog) -> "Seen":
        return Seen(
            listed=frozenset(str(backup.id) for backup in catalog.backups()),
            manifests=frozenset(manifests_at(place.backups)),
            changes=sum(
                entry.action in CHANGES and entry.outcome is LogOutcome.SUCCEEDED
                for entry in catalog.log()
            ),
        )


@dataclass
class Rounds:
    """Freezes passes of copies of one history, at moments that chance chooses."""

    history: History
    root: Path
    chance: random.Random
    lasts: float
    """Seconds that a pass holds leases for, about."""
    happened: Counter[str] = field(default_factory=Counter)

    def freeze_one(self, name: str) -> bool:
        """Return whether a pass was frozen while it held a lease, and another took over."""
        place = replace(self.history.copy_to(self.root / name), lease=LEASE_SECONDS)
        with closing(open_catalog(place.catalog_url)) as catalog:
            holder = Holder(place, catalog)
            try:
                lease = holder.freeze(self.chance.uniform(0, self.lasts))
                return lease is not None and self._take_over(place, holder, lease)
            finally:
                holder.process.kill()
                holder.process.communicate()

    def _take_over(self, place: FaultPlace, holder: Holder, lease: Lease) -> bool:
        locked = is_locked(place)
        wait_until_over(lease)
        taker = place.run("apply", expect=None)
        self.happened["stopped inside a transaction"] += locked
        if locked and "stayed locked" in taker.err:
            # Nobody can take over before it goes on; all that is asked is that somebody says so.
            assert taker.code in (FAILED, PARTLY_DONE), taker
            self.happened["stood in the way of others"] += 1
            return False
        assert taker.code == 0, taker
        before = Seen.at(place, holder.catalog)
        said = holder.wake()
        after = Seen.at(place, holder.catalog)
        assert (after.listed, after.changes) == (before.listed, before.changes), said
        self.happened["manifests that nobody adopts"] += len(after.manifests - before.manifests)
        self._judge_end(holder.process.returncode, said)
        assert "nothing to do" in place.run("apply").out
        last = Seen.at(place, holder.catalog)
        assert (last.listed, last.manifests) == (before.listed, after.manifests)
        assert after.manifests >= before.manifests
        assert_nothing_named_is_missing(place.backups, said)
        return True

    def _judge_end(self, code: int, said: str) -> None:
        """Check that it said what happened to it, unless it was frozen after its last step."""
        assert not [one for one in (*LISTED_IN_WORDS, "alert") if one in said], said
        assert (code, "[ORC-702]" in said) in ((0, False), (LOCKED, True)), said
        self.happened[f"exit code {code}"] += 1


def time_a_pass(place: FaultPlace) -> float:
    with closing(open_catalog(place.catalog_url)) as catalog:
        holder = Holder(place, catalog)
        holder.freeze(0)
        began = time.monotonic()
        holder.wake()
    return time.monotonic() - began


@pytest.mark.timeout(120 + 120 * ROUNDS)
def test_a_frozen_holder_that_is_woken_changes_nothing(tmp_path: Path, history: History):
    lasts = time_a_pass(history.copy_to(tmp_path / "whole"))
    rounds = Rounds(history, tmp_path, random.Random(SEED), lasts)
    frozen = tries = 0
    while frozen < ROUNDS:
        frozen += rounds.freeze_one(str(tries))
        tries += 1
        assert tries < 5 + 3 * ROUNDS, rounds.happened
    note(", ".join(f"{what}: {count}" for what, count in sorted(rounds.happened.items())))
