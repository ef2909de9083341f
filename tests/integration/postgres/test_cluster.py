import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from orchestrator.engines.postgres.cluster import ThrowawayCluster
from orchestrator.engines.postgres.programs import embedded_programs
from orchestrator.errors import ClientProgramError

_HOLD_A_CLUSTER = """
import sys, time
from orchestrator.engines.postgres.cluster import ThrowawayCluster
from orchestrator.engines.postgres.programs import embedded_programs
with ThrowawayCluster(embedded_programs()) as cluster:
    {then}
    print(cluster.process_id, cluster.folder, flush=True)
    {wait}
"""


def _start_holder(then: str = "pass", wait: str = "time.sleep(60)") -> subprocess.Popen[str]:
    code = _HOLD_A_CLUSTER.format(then=then, wait=wait)
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)


def _told_by(holder: subprocess.Popen[str]) -> tuple[int, Path]:
    assert holder.stdout is not None
    pid, folder = holder.stdout.readline().split()
    return int(pid), Path(folder)


def _alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text("ascii")
    except OSError:
        return False


def _wait_until_gone(pid: int, seconds: float = 3.0) -> bool:
    deadline = time.monotonic() + seconds
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not _alive(pid)


def test_a_cluster_runs_without_root_and_removes_its_folder():
    with ThrowawayCluster(embedded_programs(), listen_on_loopback=True) as cluster:
        folder, pid = cluster.folder, cluster.process_id
        owner = Path(f"/proc/{pid}").stat().st_uid
        with psycopg.connect(cluster.url()) as connection:
            row = connection.execute("SELECT count(*) FROM pg_database").fetchone()
    assert owner != 0
    assert row == (3,)
    assert not folder.exists()
    assert not _alive(pid or 0)


def test_on_loopback_a_wrong_password_is_refused():
    with (
        ThrowawayCluster(embedded_programs(), listen_on_loopback=True) as cluster,
        pytest.raises(psycopg.OperationalError, match="password authentication failed"),
    ):
        psycopg.connect(cluster.url(password="wrong"))


def test_a_private_cluster_listens_on_no_port():
    with ThrowawayCluster(embedded_programs(), encoding="LATIN1") as cluster:
        with psycopg.connect(cluster.url()) as connection:
            row = connection.execute(
                "SELECT current_setting('listen_addresses'), current_setting('server_encoding')"
            ).fetchone()
        assert row == ("", "LATIN1")
        assert cluster.folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("mode", ["smart", "fast", "immediate", "kill"])
def test_a_stopped_cluster_starts_again_with_its_data_at_the_same_address(mode: str):
    with ThrowawayCluster(embedded_programs(), listen_on_loopback=True) as cluster:
        url = cluster.url()
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS x")
        cluster.stop(mode)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
        cluster.start()
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT x FROM kept").fetchone() == (1,)


def test_a_killed_parent_takes_its_server_along_and_the_next_cluster_removes_its_folder():
    with _start_holder() as holder:
        pid, folder = _told_by(holder)
        holder.send_signal(signal.SIGKILL)
    assert _wait_until_gone(pid)
    assert folder.exists()
    with ThrowawayCluster(embedded_programs()):
        assert not folder.exists()


def test_a_detached_server_outlives_its_parent_and_is_removed_once_it_was_stopped():
    with _start_holder(then="cluster.detach()", wait="pass") as holder:
        pid, folder = _told_by(holder)
    try:
        with ThrowawayCluster(embedded_programs()):
            assert folder.exists()
            assert _alive(pid)
    finally:
        os.kill(pid, signal.SIGINT)
    assert _wait_until_gone(pid)
    with ThrowawayCluster(embedded_programs()):
        assert not folder.exists()


def test_the_folder_of_a_living_cluster_is_left_alone():
    with ThrowawayCluster(embedded_programs()) as first, ThrowawayCluster(embedded_programs()):
        assert first.folder.exists()
        psycopg.connect(first.url()).close()


def test_a_server_that_cannot_start_says_why_and_leaves_nothing():
    cluster = ThrowawayCluster(embedded_programs(), settings={"no_such_setting": "1"})
    with pytest.raises(ClientProgramError, match="no_such_setting"), cluster:
        pass
    assert not cluster.folder.exists()


def test_root_copies_programs_below_a_private_home_to_where_the_server_can_run_them(
    tmp_path: Path,
):
    private = tmp_path / "home"
    shutil.copytree(embedded_programs().parent, private / "pginstall", symlinks=True)
    private.chmod(0o700)
    programs = private / "pginstall" / "bin"
    with ThrowawayCluster(programs) as cluster:
        psycopg.connect(cluster.url()).close()
        assert (cluster.programs != programs) == (os.geteuid() == 0)
