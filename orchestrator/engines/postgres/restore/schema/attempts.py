"""Accessory statements: each is tried on its own, and what the server refuses is listed."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import psycopg

from orchestrator.engines.postgres.restore.access import Connection, server_words
from orchestrator.engines.postgres.restore.schema.archive_contents import ArchiveEntry
from orchestrator.model.contents import SkippedEntry

_GRANT = re.compile(rb'(?:"[^"]*"|[^";])+')


@dataclass(slots=True)
class Attempts:
    """Runs statements that may fail, in one session, and remembers those that did."""

    connection: Connection
    skipped: list[SkippedEntry] = field(default_factory=list)

    def run(self, statement: str | bytes, *, kind: str, name: str) -> bool:
        """Run a statement in a transaction (or savepoint) of its own; return whether it held."""
        reason = self.refusal(statement)
        if reason is not None:
            self.skipped.append(SkippedEntry(kind=kind, name=name, reason=reason))
        return reason is None

    def recreate(self, entries: Iterable[ArchiveEntry]) -> None:
        """Run the definitions of accessory entries, as pg_restore would."""
        for entry in entries:
            self.run(entry.definition, kind=entry.kind, name=str(entry))

    def recreate_grants(self, entries: Iterable[ArchiveEntry]) -> None:
        """Run the statements of grant entries one by one: one missing role costs its own alone."""
        for entry in entries:
            for statement in split_grants(entry.definition):
                self.run(statement, kind=entry.kind, name=str(entry))

    def refusal(self, statement: str | bytes) -> str | None:
        """Run a statement; return the server's words if it was refused.

        Raises:
            psycopg.Error: the session itself is lost.
        """
        query = statement if isinstance(statement, bytes) else statement.encode()
        try:
            with self.connection.transaction():
                if self.connection.info.parameter_status("server_encoding") == "SQL_ASCII":
                    self.connection.execute("SET LOCAL client_encoding = 'SQL_ASCII'")
                self.connection.execute(query)
        except psycopg.DatabaseError as error:
            if self.connection.closed:
                raise
            return server_words(error)
        return None


def split_grants(definition: bytes) -> list[bytes]:
    """Given what pg_dump wrote for the grants of an object, return its single statements.

    Semicolons inside quoted names do not count. Nothing else in such statements can hold one: they
    have no literals, comments or dollar quotes.
    """
    statements = (match.strip() for match in _GRANT.findall(definition))
    return [statement for statement in statements if statement]
