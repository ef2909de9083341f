"""What can be known of a restore before anything is read: damage on record, and what its name means."""

from collections.abc import Iterator
from dataclasses import replace

from orchestrator.cli.restoring.request import RestoreAsked
from orchestrator.errors import DamagedBackupError
from orchestrator.model.backup import Backup, CopyState
from orchestrator.model.names import DatabaseName
from orchestrator.model.policy import Policy
from orchestrator.planning.alerting.causes import server_of
from orchestrator.planning.database_patterns import match_databases


def require_copy_without_damage(backup: Backup) -> None:
    """Do nothing unless verification found damage in every copy of a backup.

    For a dry run, which promises something. The restore itself tries, object by object: of two
    damaged copies each may have what the other lacks, and damage may have been mended since.

    Raises:
        DamagedBackupError: every copy is known to be damaged.
    """
    damaged = [copy for copy in backup.copies if copy.state is CopyState.DAMAGED]
    if damaged and not any(copy.state is CopyState.COMPLETE for copy in backup.copies):
        places = ", ".join(copy.destination for copy in damaged)
        raise DamagedBackupError(
            f"every copy of {backup.id} is known to be damaged, at {places}: it would probably not"
            " be restored",
            next_step=f"choose another backup (`orchestrator list {backup.series.policy}`); if the"
            f" place was mended, `orchestrator verify {backup.id}` proves the copy anew",
        )


def say_patterns(name: str, asked: RestoreAsked) -> Iterator[str]:
    """Yield, for each policy that will back the restored database up as one more, that it will.

    A policy counts if it is the backup's own and restores to its own server, or names the same host
    and port.
    """
    for policy in asked.execution.desired.policies.values():
        source = policy.source
        fitting = [one for one in source.patterns if match_databases([one], [DatabaseName(name)])]
        if fitting and name not in source.databases and _is_there(policy, asked):
            yield (
                f"{name!r} fits {', '.join(fitting)} of policy {policy.name}: once it is there, each"
                " pass backs it up as a database of its own; take another name if it shall not"
            )


def _is_there(policy: Policy, asked: RestoreAsked) -> bool:
    if asked.at_server is None and policy.name == asked.backup.series.policy:
        return True
    target = replace(policy, source=replace(policy.source, url=asked.server_url))
    return server_of(policy) == server_of(target)
