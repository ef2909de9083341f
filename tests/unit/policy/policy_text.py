"""Texts of policy files for tests, and how to load them."""

from collections.abc import Mapping
from pathlib import Path

from orchestrator.model.policy import DesiredState, Policy
from orchestrator.policy.load import LoadedPolicies, load_policies

ENVIRONMENT = {
    "DATABASE_URL": "postgresql://backup:hidden-one@db.example.com/practice",
    "ALERT_URL": "json://localhost/hidden-two",
}

VALID = """\
version: 1
channels:
  ops: {url: "${env:ALERT_URL}"}
destinations:
  local: {url: file:./backups}
policies:
  practice:
    source: {engine: postgresql, url: "${env:DATABASE_URL}"}
    schedules:
      daily: {cron: "0 2 * * *"}
    retention:
      tiers: {daily: 30d}
    destinations: [local]
    alerts: [{to: ops, on: [all]}]
"""


def changed(*changes: tuple[str, str]) -> str:
    """The valid file with each first text replaced by the second; every first one must be there."""
    text = VALID
    for old, new in changes:
        assert old in text, f"nothing to change: {old!r}"
        text = text.replace(old, new)
    return text


def load(
    folder: Path,
    *texts: str,
    environment: Mapping[str, str] = ENVIRONMENT,
    without_secrets: bool = False,
) -> LoadedPolicies:
    """What comes of a directory with these files: a.yaml, b.yaml, …"""
    for name, text in zip("abcdef", texts, strict=False):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return load_policies(folder, environment=environment, without_secrets=without_secrets)


def problems(folder: Path, *texts: str) -> list[str]:
    """The problems in these files as text, without the folder's name."""
    return [shown(problem, folder) for problem in load(folder, *texts).problems]


def warnings(folder: Path, *texts: str) -> list[str]:
    """The warnings about these files as text, without the folder's name; there are no problems."""
    loaded = load(folder, *texts)
    assert not loaded.problems
    return [shown(warning, folder) for warning in loaded.warnings]


def desired(folder: Path, *texts: str) -> DesiredState:
    """The desired state of these files, which have no problems."""
    loaded = load(folder, *texts)
    assert not loaded.problems
    assert loaded.desired is not None
    return loaded.desired


def only_policy(folder: Path, *changes: tuple[str, str]) -> Policy:
    """The one policy of the valid file with these changes."""
    [policy] = desired(folder, changed(*changes)).policies.values()
    return policy


def shown(problem: object, folder: Path) -> str:
    return str(problem).replace(f"{folder}/", "")
