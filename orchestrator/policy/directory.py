"""The policies directory, watched without reading it: `orchestrator.ports.policies.PolicyFiles`."""

import os
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import final

from typing_extensions import override

from orchestrator.policy.load import load_policies
from orchestrator.policy.reading.policy_files import SUFFIXES
from orchestrator.ports.policies import PolicyFiles, ReadPolicies


@final
class PolicyDirectory(PolicyFiles):
    """The policy files below one directory."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        """Given the directory and the environment that secrets come from, read nothing yet."""
        self._directory = directory
        self._environment = environment

    @override
    def fingerprint(self) -> str:
        digest = sha256()
        for path in sorted(_find(self._directory)):
            digest.update(f"{path}\0{_state_of(path)}\0".encode("utf-8", "surrogateescape"))
        return digest.hexdigest()

    @override
    def read(self) -> ReadPolicies:
        loaded = load_policies(self._directory, environment=self._environment)
        return ReadPolicies(desired=loaded.desired, problems=tuple(map(str, loaded.problems)))


def _find(directory: Path) -> Iterator[str]:
    """Yield the policy files, and the folders: one that cannot be listed is a change, too."""
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield folder
        yield from (
            str(Path(folder) / name)
            for name in names
            if Path(name).suffix in SUFFIXES and not name.startswith(".")
        )


def _state_of(path: str) -> str:
    # Links are followed: Kubernetes changes mounted files by moving a link above them.
    try:
        found = Path(path).stat()
    except OSError as error:
        return str(error.errno)
    if Path(path).is_dir():
        return f"folder {found.st_mode}"
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns} {found.st_mode}"
