"""The last steps: what names roles, acts by itself or hides rows; then the final name."""

from collections.abc import Iterable, Sequence

import psycopg

from orchestrator.engines.postgres.identifiers import quote_identifier, quote_literal
from orchestrator.engines.postgres.restore.access import Connection, restore_errors
from orchestrator.engines.postgres.restore.creating import name_taken
from orchestrator.engines.postgres.restore.publication.database_settings import (
    apply_settings,
    comes_late,
)
from orchestrator.engines.postgres.restore.publication.grants import (
    Grant,
    read_grants,
    taken_from_owner,
)
from orchestrator.engines.postgres.restore.publication.owners import Owners
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.engines.postgres.restore.schema.entry_classes import Step, step_of
from orchestrator.engines.postgres.restore.schema.proof import require_existence
from orchestrator.errors import RestoreError
from orchestrator.model.contents import DatabaseProperties, LargeObject, SkippedEntry

_GRANTS = frozenset({"ACL", "DEFAULT ACL"})
_GUARDS = frozenset({"ROW SECURITY"})
_OF_DATABASES = ("CREATE", "TEMPORARY", "CONNECT")
_DISABLED = """
SELECT s.subname FROM pg_catalog.pg_subscription s
WHERE NOT s.subenabled AND s.subdbid = (SELECT d.oid FROM pg_catalog.pg_database d
                                        WHERE d.datname = pg_catalog.current_database())
ORDER BY 1
"""
_DEFAULT_ACCESS = (
    Grant(role=None, privilege="CONNECT", grantable=False),
    Grant(role=None, privilege="TEMPORARY", grantable=False),
)


def publish_definitions(
    connection: Connection,
    entries: Sequence[ArchiveEntry],
    large_objects: Sequence[LargeObject],
    *,
    database_owner: str,
) -> list[SkippedEntry]:
    """Enable row security, then recreate accessories, owners, grants and event triggers.

    Event triggers come last: they would act on our own definitions. ``database_owner`` is who
    shall own the database in the end.

    Raises:
        RestoreError: row security could not be enabled for a table.
    """
    last = [entry for entry in entries if step_of(entry) is Step.LAST]
    _enable_row_security(connection, [entry for entry in last if entry.kind in _GUARDS])
    attempts = Attempts(connection)
    owners = Owners(attempts)
    event_triggers = [entry for entry in last if _concerns_event_trigger(entry)]
    attempts.recreate(
        entry
        for entry in last
        if entry.kind not in _GRANTS | _GUARDS and not _concerns_event_trigger(entry)
    )
    _describe_large_objects(attempts, large_objects)
    owners.hand_over(entry for entry in entries if entry.kind != "EVENT TRIGGER")
    owners.hand_over_large_objects(large_objects)
    attempts.recreate_grants(entry for entry in last if entry.kind in _GRANTS)
    _grant_on_large_objects(attempts, owners, large_objects)
    owners.hand_over_again(database_owner=database_owner)
    attempts.recreate(event_triggers)
    owners.hand_over(event_triggers)
    return attempts.skipped + owners.refused() + _disabled_subscriptions(connection)


def publish_database(
    maintenance: Connection,
    properties: DatabaseProperties,
    *,
    temporary_name: str,
    final_name: str,
) -> list[SkippedEntry]:
    """Give the database its late settings and, in one transaction, grants, owner and final name.

    Until that transaction has ended, the database has its temporary name and lets nobody in; its
    commit is durable, and with it everything before.

    Raises:
        TargetExistsError: the final name was taken in the meantime.
        RestoreError: the server refused; the database keeps its temporary name.
    """
    attempts = Attempts(maintenance)
    apply_settings(attempts, temporary_name, filter(comes_late, properties.settings))
    quoted = quote_identifier(final_name)
    with restore_errors(
        f"the database could not be given its final name {final_name!r}",
        next_step="end the sessions that are connected to it and restore again",
    ):
        try:
            with maintenance.transaction():
                maintenance.execute(
                    f"SET LOCAL synchronous_commit = on; ALTER DATABASE "
                    f"{quote_identifier(temporary_name)} RENAME TO {quoted}".encode()
                )
                _open_database(attempts, properties, final_name)
        except psycopg.errors.DuplicateDatabase as error:
            raise name_taken(final_name) from error
        _require_final_name(maintenance, temporary_name=temporary_name, final_name=final_name)
    return attempts.skipped


def _open_database(attempts: Attempts, properties: DatabaseProperties, final_name: str) -> None:
    target = f"DATABASE {quote_identifier(final_name)}"
    comment = "NULL" if properties.comment is None else quote_literal(properties.comment)
    attempts.connection.execute(f"COMMENT ON {target} IS {comment}".encode())
    if properties.connection_limit >= 0:
        limit = f"ALTER {target} CONNECTION LIMIT {properties.connection_limit}"
        attempts.run(limit, kind="CONNECTION LIMIT", name=final_name)
    if properties.is_template:
        attempts.run(f"ALTER {target} IS_TEMPLATE true", kind="IS_TEMPLATE", name=final_name)
    owners = Owners(attempts)
    has_owner = owners.exists(properties.owner)
    grants = _DEFAULT_ACCESS if properties.acl is None else tuple(read_grants(properties.acl))
    _grant(
        attempts,
        owners,
        # A missing owner's own grants are not worth a line beside the missing owner.
        [grant for grant in grants if has_owner or grant.role != properties.owner],
        target,
    )
    owners.hand_over_database(target, properties.owner)
    if has_owner:
        _take_from_owner(attempts, grants, properties.owner, _OF_DATABASES, target)
    attempts.skipped += owners.refused()


def _require_final_name(maintenance: Connection, *, temporary_name: str, final_name: str) -> None:
    query = "SELECT datname FROM pg_catalog.pg_database WHERE datname = ANY(%s)"
    found = [row[0] for row in maintenance.execute(query, [[temporary_name, final_name]])]
    if found != [final_name]:
        raise RestoreError(
            f"after the rename to {final_name!r} the server shows {found!r}",
            next_step="look at the databases of the target server",
        )


def _enable_row_security(connection: Connection, entries: Sequence[ArchiveEntry]) -> None:
    for entry in entries:
        with restore_errors(
            f"row security of table {entry} could not be enabled",
            next_step="remove the cause and restore again",
        ):
            connection.execute(entry.definition)
    require_existence(connection, entries)


def _describe_large_objects(attempts: Attempts, objects: Iterable[LargeObject]) -> None:
    for item in objects:
        if item.comment is not None:
            statement = f"COMMENT ON LARGE OBJECT {item.oid} IS {quote_literal(item.comment)}"
            attempts.run(statement, kind="COMMENT", name=f"LARGE OBJECT {item.oid}")


def _grant_on_large_objects(
    attempts: Attempts, owners: Owners, objects: Iterable[LargeObject]
) -> None:
    for item in objects:
        grants = list(read_grants(item.acl or ()))
        target = f"LARGE OBJECT {item.oid}"
        _grant(attempts, owners, grants, target)
        if item.acl == ():
            grants = [Grant(role=None, privilege="", grantable=False, grantor=item.owner)]
        _take_from_owner(attempts, grants, item.owner, ("SELECT", "UPDATE"), target)


def _take_from_owner(
    attempts: Attempts,
    grants: Sequence[Grant],
    owner: str,
    privileges: Sequence[str],
    target: str,
) -> None:
    for privilege in taken_from_owner(grants, owner, privileges):
        statement = f"REVOKE {privilege} ON {target} FROM {quote_identifier(owner)}"
        attempts.run(statement, kind="ACL", name=f"{privilege} on {target} from {owner}")


def _grant(attempts: Attempts, owners: Owners, grants: Iterable[Grant], target: str) -> None:
    for grant in grants:
        role = "PUBLIC" if grant.role is None else grant.role
        name = f"{grant.privilege} on {target} to {role}"
        if owners.exists(grant.role):
            attempts.run(grant.statement(target), kind="ACL", name=name)
        else:
            reason = f'role "{role}" does not exist on the target server'
            attempts.skipped.append(SkippedEntry(kind="ACL", name=name, reason=reason))


def _disabled_subscriptions(connection: Connection) -> list[SkippedEntry]:
    # pg_dump writes them so that they do nothing: two that take from one slot would share its rows.
    return [
        SkippedEntry(
            kind="SUBSCRIPTION",
            name=str(name),
            reason="it is disabled in the restored database; once no other database receives through"
            f" its slot, ALTER SUBSCRIPTION {quote_identifier(str(name))} ENABLE enables it",
        )
        for (name,) in connection.execute(_DISABLED)
    ]


def _concerns_event_trigger(entry: ArchiveEntry) -> bool:
    return entry.kind == "EVENT TRIGGER" or entry.name.startswith("EVENT TRIGGER ")
