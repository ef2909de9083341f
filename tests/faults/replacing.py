"""A database that is written to while its tables are replaced, for `test_replace.py`."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import psycopg

from tests.support.command_line import Workplace
from tests.support.postgres import Database
from tests.support.reader import read_schema

SCHEMA = """
CREATE TABLE accounts (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account int NOT NULL CONSTRAINT of_account REFERENCES accounts ON DELETE CASCADE,
  note text NOT NULL, size int GENERATED ALWAYS AS (length(note)) STORED) PARTITION BY HASH (id);
CREATE TABLE entries_0 PARTITION OF entries FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE entries_1 PARTITION OF entries FOR VALUES WITH (MODULUS 2, REMAINDER 1)
  PARTITION BY RANGE (id);
CREATE TABLE entries_1_low PARTITION OF entries_1 FOR VALUES FROM (MINVALUE) TO (2000);
CREATE TABLE entries_1_high PARTITION OF entries_1 FOR VALUES FROM (2000) TO (MAXVALUE);
CREATE TABLE remarks (account int CONSTRAINT about REFERENCES accounts DEFERRABLE, note text);
ALTER TABLE remarks ADD CONSTRAINT unchecked FOREIGN KEY (account) REFERENCES accounts NOT VALID;
COMMENT ON CONSTRAINT about ON remarks IS 'it''s "ours"';
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
  $$BEGIN IF TG_OP = 'TRUNCATE' THEN RAISE 'a trigger fired'; END IF;
    NEW.name := NEW.name || '!'; RETURN NEW; END$$;
CREATE TRIGGER fires BEFORE TRUNCATE ON accounts EXECUTE FUNCTION refuse();
CREATE TRIGGER always BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER replica BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER disabled BEFORE INSERT ON accounts FOR EACH ROW EXECUTE FUNCTION refuse();
ALTER TABLE accounts ENABLE ALWAYS TRIGGER always, ENABLE REPLICA TRIGGER replica,
  DISABLE TRIGGER disabled, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
INSERT INTO accounts SELECT g, 'account ' || g FROM generate_series(1, 50) g;
INSERT INTO entries (account, note) SELECT g % 50 + 1, 'first ' || g FROM generate_series(1, 5000) g;
INSERT INTO remarks VALUES (1, 'outside');
"""
TABLES = ("public.accounts", "public.entries")


@dataclass
class Notes:
    """What writers tried to write, and what the server said is written."""

    attempted: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    refused: int = 0


class Writers:
    """Threads that insert, each in its own way, until the block ends."""

    def __init__(self, database: Database, notes: Notes, prefix: str) -> None:
        self._database = database
        self._notes = notes
        self._prefix = prefix
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(n,)) for n in range(2)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, writer: int) -> None:
        with self._database.connect() as connection:
            number = 0
            while not self._stop.wait(0.005):
                number += 1
                note = f"{self._prefix} {writer} {number}"
                self._notes.attempted.add(note)
                try:
                    self._insert(connection, note, reads_first=writer == 1)
                except (psycopg.errors.QueryCanceled, psycopg.errors.DeadlockDetected):
                    self._notes.refused += 1
                else:
                    self._notes.acknowledged.add(note)

    @staticmethod
    def _insert(connection: psycopg.Connection[Any], note: str, *, reads_first: bool) -> None:
        with connection.transaction():
            if reads_first:
                connection.execute("SELECT count(*) FROM accounts")
            connection.execute("INSERT INTO entries (account, note) VALUES (1, %s)", [note])


def notes_in(database: Database) -> set[str]:
    rows = database.execute("SELECT note, count(*) FROM entries GROUP BY 1")
    assert all(count == 1 for _, count in rows), "a row is there twice"
    return {note for note, _ in rows}


def guards_of(database: Database) -> list[str]:
    """Return the schema as pg_dump has it, and which triggers of keys fire."""
    firing = database.execute(
        "SELECT tgrelid::regclass::text || tgfoid::regproc::text || tgenabled::text"
        " FROM pg_trigger ORDER BY 1"
    )
    return [*read_schema(database.url), *(str(line) for (line,) in firing)]


def notes_saved(place: Workplace, backup: str, chunk_text: Callable[[Path], str]) -> set[str]:
    """Return the notes that a backup of the series holds; ``chunk_text`` decompresses a file."""
    folder = next(path for path in place.backups.rglob(backup) if path.is_dir())
    details = json.loads((folder / "details.json").read_bytes())
    found: set[str] = set()
    for table in details["tables"]:
        if table["name"].startswith("entries_"):
            columns = [column["name"] for column in table["columns"]]
            for chunk in table["chunks"]:
                text = chunk_text(place.backups / chunk["key"])
                rows = (line.split("\t") for line in text.splitlines())
                found |= {row[columns.index("note")] for row in rows}
    return found
