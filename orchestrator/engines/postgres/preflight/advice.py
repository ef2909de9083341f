"""What works and is dangerous, or is good to know: nothing here keeps a backup from being taken."""

import ipaddress
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from orchestrator.engines.postgres.backup.refusals.standby import (
    Standby,
    caution_of,
    read_standby,
)
from orchestrator.engines.postgres.backup.tables.extensions import read_member_rows
from orchestrator.engines.postgres.backup.tables.relations import (
    Connection,
    read_skipped_by_pg_dump,
)
from orchestrator.engines.postgres.backup.tables.resolve import Resolved, resolve
from orchestrator.engines.postgres.backup.tables.search_path import read_reliances
from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.engines.postgres.preflight.clients import say_holes
from orchestrator.engines.postgres.programs import find_client_programs
from orchestrator.errors import ClientProgramError
from orchestrator.model.policy import TableSelection
from orchestrator.planning.clocks import CLOCK_TOLERANCE
from orchestrator.ports.preflight import Finding, Severity

SAFE_MODE = "verify-full"

_ROLE = """
SELECT current_user, r.rolsuper, r.rolcreatedb,
       pg_catalog.pg_has_role(r.oid, 'pg_read_all_data', 'USAGE')
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user
"""
# Our sessions set these to 0; what is in force for others of the same role is `reset_val`.
_TIMEOUTS = """
SELECT s.name, s.reset_val || coalesce(s.unit, '') FROM pg_catalog.pg_settings s
WHERE s.name IN ('statement_timeout', 'idle_in_transaction_session_timeout',
                 'idle_session_timeout', 'transaction_timeout', 'lock_timeout')
  AND s.reset_val <> '0' ORDER BY 1
"""


# Of partitions, a key is that of their root. A table whose rows lie in partitions is not in the
# backup in whole if one of these is not.
_LEAVING_KEYS = """
SELECT k.conname, f.nspname || '.' || r.relname, t.nspname || '.' || d.relname
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_class r ON r.oid = k.conrelid
JOIN pg_catalog.pg_namespace f ON f.oid = r.relnamespace
JOIN pg_catalog.pg_class d ON d.oid = k.confrelid
JOIN pg_catalog.pg_namespace t ON t.oid = d.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = ANY (%s::pg_catalog.oid[])
  AND EXISTS (SELECT FROM (SELECT k.confrelid AS oid
                           UNION SELECT p.relid FROM pg_catalog.pg_partition_tree(k.confrelid) p)
                          AS member
              JOIN pg_catalog.pg_class l ON l.oid = member.oid AND l.relkind = 'r'
              WHERE l.oid <> ALL (%s::pg_catalog.oid[]))
ORDER BY 2, 1
"""


def warn_of_role(connection: Connection, subject: str) -> Iterator[Finding]:
    """Say what is wrong with, or exposed by, the role that takes backups."""
    role, is_super, _, reads_all = connection.execute(_ROLE.encode()).fetchone() or ("", 0, 0, 0)
    if is_super:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"the backup role {role!r} is a superuser: whoever gets its password has the server,"
            " and code in the database that a backup runs has it, too",
            next_step="make a role that only reads: docs/backup-role.md has the SQL",
        )
    elif reads_all:
        yield Finding(
            severity=Severity.NOTE,
            subject=subject,
            what=f"the backup role {role!r} has pg_read_all_data: it reads every table of every"
            " database, the password hashes in pg_authid included",
            next_step="docs/backup-role.md shows grants by schema instead",
        )


def warn_of_restore_role(
    connection: Connection, subject: str, *, is_own: bool
) -> Iterator[Finding]:
    """Say what is wrong with the role that restores; ``is_own`` if it has a URL of its own."""
    role, is_super, may_create, _ = connection.execute(_ROLE.encode()).fetchone() or ("", 0, 0, 0)
    if is_super:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"restores run as the superuser {role!r}, and code in a backup runs as whoever"
            " restores it",
            next_step="let source.restore_url name a role with CREATEDB that is no superuser",
        )
    elif not may_create:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"the role {role!r}, which restores, may not create databases",
            next_step=f"as a superuser: ALTER ROLE {quote_identifier(str(role))} CREATEDB;"
            if is_own
            else "let source.restore_url name a role with CREATEDB; the backup role should not have it",
        )


def warn_of_transport(connection: Connection, subject: str) -> Iterator[Finding]:
    """Say whether somebody between us and the server could read along, or be the server."""
    info = connection.info
    if _is_local(info.host, info.hostaddr):
        return
    options: Mapping[bytes, bytes | None] = {
        option.keyword: option.val for option in connection.pgconn.info
    }
    mode = (options.get(b"sslmode") or b"").decode()
    if mode == SAFE_MODE:
        return
    state = "encrypted now" if connection.pgconn.ssl_in_use else "NOT encrypted"
    yield Finding(
        severity=Severity.WARNING,
        subject=subject,
        what=f"sslmode is {mode or 'not set'}: the connection to {info.host} is {state}, and nothing"
        " proves that it leads to the right server",
        next_step="add sslmode=verify-full to the URL, with sslrootcert=system or the file of the"
        " server's certificate authority",
    )


def warn_of_clock(connection: Connection, subject: str, now: datetime) -> Iterator[Finding]:
    """Compare the server's clock with ``now``, which was read just before."""
    row = connection.execute("SELECT pg_catalog.clock_timestamp()").fetchone()
    theirs = row[0] if row is not None else None
    if isinstance(theirs, datetime) and abs(theirs - now) > CLOCK_TOLERANCE:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"the server's clock and ours differ by {abs(theirs - now).total_seconds():.0f} s;"
            " nothing is pruned while they differ by more than 5 minutes",
            next_step="set both by NTP (`timedatectl` shows whether this machine is)",
        )


def warn_of_programs(
    connection: Connection, subject: str, environment: Mapping[str, str]
) -> Iterator[Finding]:
    """Say which client programs this server's backups use, and whether they have known holes."""
    major = connection.info.server_version // 10000
    try:
        programs = find_client_programs(environment=environment, at_least=major)
    except ClientProgramError:
        # Each database says so itself: no backup of it can be taken.
        return
    version = connection.info.parameter_status("server_version")
    yield Finding(
        severity=Severity.NOTE,
        subject=subject,
        what=f"PostgreSQL {version}; client programs {programs.version[0]}.{programs.version[1]} in"
        f" {programs.directory} are used for it",
    )
    said = say_holes(programs)
    if said is not None:
        yield Finding(severity=Severity.WARNING, subject=subject, what=said[0], next_step=said[1])


def note_timeouts(connection: Connection, subject: str) -> Iterator[Finding]:
    """Name the time-outs that the role or database carries; ours are set to none."""
    named = [f"{name} = {value}" for name, value in connection.execute(_TIMEOUTS.encode())]
    if named:
        yield Finding(
            severity=Severity.NOTE,
            subject=subject,
            what=f"sessions there have {', '.join(named)}; those of backups set them to 0",
        )


def warn_of_standby(
    connection: Connection, subject: str, *, allowed: timedelta
) -> Iterator[Finding]:
    """Say what backups from a standby have to reckon with; ``allowed`` is how far it may be behind."""
    standby = read_standby(connection)
    if standby is None:
        return
    yield from _warn_of_silence(standby, subject, allowed)
    if not standby.feedback:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what="the server is a standby without hot_standby_feedback: a vacuum at the primary may"
            " break a backup off",
            next_step="on the standby: ALTER SYSTEM SET hot_standby_feedback = on;"
            " SELECT pg_reload_conf();",
        )


def _warn_of_silence(standby: Standby, subject: str, allowed: timedelta) -> Iterator[Finding]:
    """Say when backups will be refused although nothing changed at the standby."""
    limit = f"source.max_standby_lag ({allowed.total_seconds():g} s)"
    for caution in caution_of(standby):
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"{caution}; backups are refused when they may be older than {limit}",
            next_step="mend the replication, or name the primary in source.url",
        )
    if standby.is_hidden:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"the server is a standby, and {standby.role!r} may not see when it heard from its"
            f" primary: backups are refused when nobody wrote there for {limit}",
            next_step=f"as a superuser, on the primary: {standby.grant()}",
        )
    elif standby.is_receiving and standby.is_asking_too_late(allowed):
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what="the server is a standby that asks a quiet primary for a sign of life after half"
            f" of wal_receiver_timeout ({standby.receiver_timeout.total_seconds():g} s; 0 is never):"
            f" backups are refused when that is more than {limit} ago",
            next_step="lower wal_receiver_timeout there, or raise source.max_standby_lag",
        )


def warn_of_tables(
    connection: Connection, subject: str, selection: TableSelection
) -> Iterator[Finding]:
    """List the tables that no pattern names, and whatever else a backup leaves out."""
    resolved = resolve(connection, selection)
    if resolved.uncovered:
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what="no pattern names, so no backup has: " + ", ".join(map(str, resolved.uncovered)),
            next_step="add a pattern to tables.include or tables.exclude",
        )
    of_extensions = (member.left_out() for member in read_member_rows(connection))
    for left in (*resolved.left_out, *of_extensions, *read_skipped_by_pg_dump(connection)):
        yield Finding(
            severity=Severity.NOTE,
            subject=subject,
            what=f"left out: {left}",
        )
    yield from _warn_of_leaving_keys(connection, subject, resolved)
    for found in read_reliances(connection):
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=found.what,
            next_step=found.remedy,
        )


def _warn_of_leaving_keys(
    connection: Connection, subject: str, resolved: Resolved
) -> Iterator[Finding]:
    """Name the foreign keys that a restore has to leave NOT VALID (rule 3 of restoring)."""
    oids = [[one.oid for one in relations] for relations in (resolved.locked, resolved.read)]
    for key, table, referenced in connection.execute(_LEAVING_KEYS.encode(), oids):
        yield Finding(
            severity=Severity.WARNING,
            subject=subject,
            what=f"{key} of {table} references {referenced}: not all rows of that are in the backup,"
            " so a restore leaves the key NOT VALID",
            next_step=f"add {referenced} to tables.include or take it out of tables.exclude",
        )


def _is_local(host: str, address: str) -> bool:
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(address or host).is_loopback
    except ValueError:
        return False
