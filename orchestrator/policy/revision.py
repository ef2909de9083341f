"""Which content of the policy files is in force: a digest, and the commit if there is one."""

import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from orchestrator.model.policy import Revision
from orchestrator.policy.reading.policy_files import PolicyFile

GIT_SECONDS = 5
COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def read_revision(
    directory: Path, files: Iterable[PolicyFile], environment: Mapping[str, str]
) -> Revision:
    """Return the revision of the policy files below a directory."""
    return Revision(digest=digest_of(files), git_commit=_git_commit(directory, environment))


def digest_of(files: Iterable[PolicyFile]) -> str:
    """Return the SHA-256 of names and bytes, whatever the order of the files."""
    digest = sha256()
    for file in sorted(files, key=lambda file: file.name):
        for part in (file.name.encode("utf-8", "surrogateescape"), file.content):
            # The length first: else two sets of files could run together into the same bytes.
            digest.update(len(part).to_bytes(8, "big"))
            digest.update(part)
    return digest.hexdigest()


def _git_commit(directory: Path, environment: Mapping[str, str]) -> str | None:
    search_path = environment.get("PATH", "")
    git = shutil.which("git", path=search_path)
    if git is None:
        return None
    try:
        answer = subprocess.run(
            # fsmonitor could name a program in the repository's own configuration.
            [git, "-c", "core.fsmonitor=false", "rev-parse", "--verify", "HEAD"],
            cwd=directory,
            env={"PATH": search_path, "GIT_CONFIG_NOSYSTEM": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    commit = answer.stdout.decode("ascii", "replace").strip()
    return commit if COMMIT.fullmatch(commit) else None
