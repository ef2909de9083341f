"""A hot standby of a test server, which follows it through streaming replication."""

from collections.abc import Iterator
from contextlib import contextmanager

from typing_extensions import override

from orchestrator.engines.postgres.children import run_child
from orchestrator.engines.postgres.cluster import ThrowawayCluster
from tests.support.postgres import FAST_AND_LOOSE, Database, Server, eventually

_CLIENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class StandbyCluster(ThrowawayCluster):
    """Made from a base backup of another server instead of by initdb."""

    def __init__(self, primary: Server) -> None:
        """``primary`` must stay for as long as this one does."""
        self._primary = primary
        super().__init__(
            primary.cluster.programs,
            listen_on_loopback=True,
            settings={**FAST_AND_LOOSE, "primary_conninfo": primary.url("")},
        )
        self.password = primary.cluster.password

    @override
    def _initialise(self) -> None:
        done = run_child(
            [
                str(self.programs / "pg_basebackup"),
                f"--dbname={self._primary.url('')}",
                f"--pgdata={self._data}",
                "--checkpoint=fast",
                "--no-sync",
            ],
            environment=_CLIENT,
            timeout=60,
            user=self._user,
        )
        assert done.returncode == 0, done.words
        (self._data / "standby.signal").touch()
        self._give_to_user(self._data / "standby.signal")


@contextmanager
def running_standby(primary: Server) -> Iterator[Server]:
    """Run a standby of ``primary``."""
    with StandbyCluster(primary) as cluster:
        yield Server(cluster)


def caught_up(standby: Server, original: Database) -> Database:
    """Return a database as the standby has it, when that has replayed all that was written."""
    # The servers of tests commit asynchronously, and what is not flushed is not sent.
    original.execute("SET synchronous_commit = on; SELECT pg_logical_emit_message(true, '', '')")
    ((position,),) = original.execute("SELECT pg_current_wal_flush_lsn()::text")
    copy = standby.database("postgres")
    query = f"SELECT pg_last_wal_replay_lsn() >= '{position}'"
    eventually(lambda: copy.execute(query) == [(True,)])
    return standby.database(original.name)
