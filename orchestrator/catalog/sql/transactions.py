"""Every method of the catalog is one short transaction, either reading or writing."""

import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table, event
from sqlalchemy.dialects import postgresql, sqlite

from orchestrator.catalog.sql.translation import Place, translated

_BEGIN = "catalog_begin"


class Transactions:
    """Opens transactions on one engine and translates what goes wrong in them."""

    def __init__(self, engine: Engine, place: Place) -> None:
        """Given an engine of ``connecting.py`` and where it leads, be ready for both kinds."""
        self.place = place
        if engine.dialect.name == "sqlite":
            event.listen(engine, "begin", _begin_sqlite)
            self._reader: Engine = engine
            # Taking the write lock at once: a transaction that reads first and writes later is
            # refused without waiting when somebody wrote in between.
            self._writer: Engine = engine.execution_options(**{_BEGIN: "BEGIN IMMEDIATE"})
        else:
            self._reader = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._writer = engine
        # Connections left to the garbage collector would be reported as leaks.
        self.close = weakref.finalize(self, engine.dispose)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one moment of the catalog."""
        with translated(self.place), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection whose changes happen together, when the body ends, or not at all."""
        with translated(self.place), self._writer.begin() as connection:
            yield connection


def insert_if_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row unless one of its unique keys is there already; return whether it was new.

    Of two connections at once, one inserts and the other waits for it and then sees its row.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    key = next(iter(table.primary_key.columns))
    statement = insert(table).values(**values).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).first() is not None


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get(_BEGIN, "BEGIN"))
