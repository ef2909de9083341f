"""Who may read and write the files that this program relies on."""

import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from orchestrator.errors import DestinationPermissionError
from orchestrator.model.policy import DesiredState
from orchestrator.model.secret import Secret
from orchestrator.ports.preflight import Finding, Severity, problem
from orchestrator.settings import Settings

_FILE_REFERENCE = re.compile(r"\$\{file:(?P<path>.+)\}")
_OTHERS_MAY_READ = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def inspect_files(settings: Settings, desired: DesiredState | None) -> Iterator[Finding]:
    """Look at the state directory, the catalog, the policy files and the files of secrets."""
    private = [settings.state, *settings.state.glob("catalog.sqlite3*")]
    if desired is not None:
        private += _secret_files(settings.policies, _secrets(desired))
    for path in private:
        yield from _inspect_mode(path, _OTHERS_MAY_READ, "others may look into it", "chmod go-rwx")
    for path in _policy_files(settings.policies):
        yield from _inspect_mode(
            path,
            _OTHERS_MAY_WRITE,
            "others may change it, and with it what is backed up, and where to",
            "chmod go-w",
        )
    yield from _inspect_passfile(settings)


def _policy_files(policies: Path) -> list[Path]:
    found = [path for path in policies.rglob("*") if path.suffix in {".yaml", ".yml"}]
    return [policies, *sorted(found)]


def _secrets(desired: DesiredState) -> Iterator[Secret]:
    for policy in desired.policies.values():
        yield policy.source.url
        yield policy.source.restore_url
        if policy.heartbeat is not None:
            yield policy.heartbeat
    for channel in desired.channels.values():
        yield channel.url


def _secret_files(policies: Path, secrets: Iterable[Secret]) -> list[Path]:
    """Return the files behind ``${file:PATH}``; a relative one lies below the policies."""
    references = (_FILE_REFERENCE.fullmatch(secret.origin) for secret in secrets)
    return sorted({policies / found["path"] for found in references if found is not None})


def _inspect_passfile(settings: Settings) -> Iterator[Finding]:
    home = settings.environment.get("HOME", "")
    named = settings.environment.get("PGPASSFILE") or (f"{home}/.pgpass" if home else "")
    if named:
        yield from _inspect_mode(
            Path(named),
            _OTHERS_MAY_READ,
            "others may read it, so that PostgreSQL's clients ignore it",
            "chmod 0600",
        )


def _inspect_mode(path: Path, forbidden: int, what: str, remedy: str) -> Iterator[Finding]:
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:
        cause = DestinationPermissionError(
            f"{path} cannot be looked at: {error.strerror}",
            next_step="run it as the user who runs `orchestrator run`",
        )
        yield problem("files", cause)
        return
    if mode & forbidden:
        yield Finding(
            severity=Severity.WARNING,
            subject="files",
            what=f"{path} has mode {stat.S_IMODE(mode):04o}: {what}",
            next_step=f"{remedy} {path}",
        )
