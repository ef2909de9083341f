"""Owners: given back to the roles that exist on the target; the missing ones are reported.

Everything is created as the restoring role and handed over at the end, so that loading, indexing
and comparing never depend on what another role may do.
"""

from collections import Counter
from collections.abc import Iterable

from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.model.contents import LargeObject, SkippedEntry

# Which kinds have an owner of their own, and how ALTER names them: `_getObjectDescription` of
# PostgreSQL's pg_backup_archiver.c.
_NAMED = frozenset(
    {
        "COLLATION", "CONVERSION", "DOMAIN", "EVENT TRIGGER", "FOREIGN DATA WRAPPER",
        "FOREIGN TABLE", "MATERIALIZED VIEW", "PROCEDURAL LANGUAGE", "PUBLICATION", "SCHEMA",
        "SEQUENCE", "SERVER", "STATISTICS", "SUBSCRIPTION", "TABLE", "TEXT SEARCH CONFIGURATION",
        "TEXT SEARCH DICTIONARY", "TYPE", "VIEW",
    }
)  # fmt: skip
_DESCRIBED_BY_DROP = frozenset(
    {"AGGREGATE", "FUNCTION", "OPERATOR", "OPERATOR CLASS", "OPERATOR FAMILY", "PROCEDURE"}
)


def described(entry: ArchiveEntry) -> str | None:
    """Return how ALTER names what an entry creates, or None if it has no owner of its own."""
    if not entry.drop_statement:
        return None  # an identity's sequence: it goes with its table
    if entry.kind in _DESCRIBED_BY_DROP:
        return entry.drop_statement.strip().removeprefix("DROP ").removesuffix(";")
    if entry.kind not in _NAMED:
        return None
    schema = f"{quote_identifier(entry.schema)}." if entry.schema else ""
    return f"{entry.kind} {schema}{quote_identifier(entry.name)}"


class Owners:
    """Hands objects over; refusals are gathered per role, because one cause has many objects."""

    def __init__(self, attempts: Attempts) -> None:
        self._attempts = attempts
        self._refused: list[tuple[str, str, str]] = []
        rows = attempts.connection.execute(
            "SELECT rolname, rolname = current_user FROM pg_catalog.pg_roles"
        ).fetchall()
        self._roles = {str(name) for name, _ in rows}
        self._own = {str(name) for name, is_own in rows if is_own}

    def hand_over(self, entries: Iterable[ArchiveEntry]) -> None:
        """Give what entries created to the owners that they name."""
        for entry in entries:
            description = described(entry)
            if description is not None and entry.owner is not None:
                self._hand_over(description, entry.owner)

    def hand_over_large_objects(self, objects: Iterable[LargeObject]) -> None:
        """Give large objects to their owners."""
        for large_object in objects:
            self._hand_over(f"LARGE OBJECT {large_object.oid}", large_object.owner)

    def hand_over_database(self, description: str, owner: str) -> None:
        """Give the database, described as ``DATABASE "x"``, to its owner."""
        self._hand_over(description, owner)

    def hand_over_again(self, *, database_owner: str) -> None:
        """Try once more what was refused: a role must be allowed to create where it gets something.

        Grants may have allowed it since; and in the schema ``public`` the owner of the database is
        allowed it, so that role gets the database now, unless we could not go on then.
        """
        refused, self._refused = self._refused, []
        if refused and self._may_stay_in(database_owner):
            name = quote_identifier(self._attempts.connection.info.dbname)
            # Whether it was refused is said when the database itself is handed over.
            self._attempts.refusal(
                f"ALTER DATABASE {name} OWNER TO {quote_identifier(database_owner)}"
            )
        for description, owner, _ in refused:
            self._hand_over(description, owner)

    def _may_stay_in(self, database_owner: str) -> bool:
        if database_owner not in self._roles:
            return False
        query = "SELECT pg_catalog.pg_has_role(%s, 'USAGE')"
        row = self._attempts.connection.execute(query, [database_owner]).fetchone()
        return row is not None and bool(row[0])

    def exists(self, role: str | None) -> bool:
        """Return whether the target has a role; None is PUBLIC."""
        return role is None or role in self._roles

    def refused(self) -> list[SkippedEntry]:
        """Return the roles that did not get what they owned."""
        refused = Counter((role, reason) for _, role, reason in self._refused)
        return [
            SkippedEntry(
                kind="OWNER",
                name=role,
                reason=f"{reason}; {_counted(count)} with the restoring role",
            )
            for (role, reason), count in sorted(refused.items())
        ]

    def _hand_over(self, description: str, owner: str) -> None:
        if owner in self._own:
            return
        reason: str | None = f'role "{owner}" does not exist on the target server'
        if owner in self._roles:
            statement = f"ALTER {description} OWNER TO {quote_identifier(owner)}"
            reason = self._attempts.refusal(statement)
        if reason is not None:
            self._refused.append((description, owner, reason))


def _counted(objects: int) -> str:
    return "1 object stays" if objects == 1 else f"{objects} objects stay"
