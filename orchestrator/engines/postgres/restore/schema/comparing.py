"""Definitions compared by their words: what pg_dump says of the restored database and of the source.

Existence alone shows neither whether a key was checked, nor whether a trigger fires, nor who may do
what (reference/postgres.md §1, "Restoring", rule 6). One pg_dump of the schema answers for every
kind of object. Servers of other versions put definitions into other words, so it is asked only
where server and client are of the same major version as those of the backup.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from orchestrator.engines.postgres.children import CompletedChild, run_child
from orchestrator.engines.postgres.programs import ClientPrograms, find_client_programs
from orchestrator.engines.postgres.restore.access import Access
from orchestrator.engines.postgres.restore.schema.archive_contents import (
    ArchiveEntry,
    read_archive_contents,
)
from orchestrator.engines.postgres.restore.schema.entry_classes import Step, step_of
from orchestrator.engines.postgres.restore.schema.watching import killed_if_frozen
from orchestrator.model.contents import SkippedEntry

GRANTS = frozenset({"ACL", "DEFAULT ACL"})
_SHOWN = 100

_Definition = tuple[str, str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a backup says of its definitions.

    ``dumped_by`` is the major version of its pg_dump, ``server`` that of its server, ``encoding``
    that of the database.
    """

    entries: tuple[ArchiveEntry, ...]
    dumped_by: int
    server: int
    encoding: str


def compare_definitions(
    recorded: Recorded,
    access: Access,
    database: str,
    *,
    server: int,
    apart: Collection[tuple[str, str]],
) -> tuple[list[SkippedEntry], list[str]]:
    """Return each definition that is not as recorded, and why they were not compared, if so.

    ``server`` is the target's major version; ``apart`` are kind and name of what is known to
    differ, the name ``*`` for all of a kind.
    """
    programs = find_client_programs(
        environment=access.environment, at_least=max(recorded.dumped_by, server)
    )
    if server != recorded.server or programs.version[0] != recorded.dumped_by:
        ours = f"PostgreSQL {server} by pg_dump {programs.version[0]}"
        theirs = f"PostgreSQL {recorded.server} by pg_dump {recorded.dumped_by}"
        return [], [_by_name(f"the backup is of {theirs}, and this is {ours}")]
    answer = _dumped(access, database, programs, recorded.encoding)
    if answer.returncode != 0:
        return [], [_by_name(f"this role cannot dump them: {answer.words}")]
    found = read_archive_contents(answer.stdout).entries
    return list(find_differences(recorded.entries, found, apart=apart)), []


def _dumped(
    access: Access, database: str, programs: ClientPrograms, encoding: str
) -> CompletedChild:
    with (
        access.for_programs(database) as (connection_string, environment),
        killed_if_frozen(access, database) as started,
    ):
        return run_child(
            [
                programs.path("pg_dump"),
                "--no-password",
                "--format=custom",
                "--schema-only",
                "--quote-all-identifiers",
                *(["--encoding=SQL_ASCII"] if encoding == "SQL_ASCII" else []),
                f"--dbname={connection_string}",
            ],
            environment=environment,
            timeout=None,
            started=started,
        )


def find_differences(
    recorded: Iterable[ArchiveEntry],
    restored: Iterable[ArchiveEntry],
    *,
    apart: Collection[tuple[str, str]],
) -> Iterator[SkippedEntry]:
    """Yield what is missing, what is more, and what is defined otherwise than recorded.

    Several objects of one kind and name, as operators have them, are told apart by their words.
    """
    then, now = (Counter(_definitions(entries, apart)) for entries in (recorded, restored))
    missing, more = then - now, now - then
    others = {(kind, name): words for kind, name, words in more}
    for kind, name, words in missing:
        other = others.pop((kind, name), None)
        reason = "it is not as in the backup: it is missing"
        if other is not None:
            reason = f"it is not as in the backup: {_first_difference(words, other)}"
        yield SkippedEntry(kind=kind, name=name, reason=reason)
    for kind, name in others:
        yield SkippedEntry(kind=kind, name=name, reason="the backup does not have it")


def _definitions(
    entries: Iterable[ArchiveEntry], apart: Collection[tuple[str, str]]
) -> Iterator[_Definition]:
    for entry in entries:
        known = (entry.kind, str(entry)) in apart or (entry.kind, "*") in apart
        if step_of(entry) is not Step.NEVER and not known:
            yield entry.kind, str(entry), entry.definition


def _first_difference(then: bytes, now: bytes) -> str:
    before, after = (dict.fromkeys(_lines(text)) for text in (then, now))
    gone = next((line for line in before if line not in after), "nothing")
    new = next((line for line in after if line not in before), "nothing")
    return f"{_short(gone)} is now {_short(new)}"


def _lines(definition: bytes) -> Iterator[str]:
    lines = (line.strip() for line in definition.decode("utf-8", "replace").splitlines())
    return (line for line in lines if line)


def _short(words: str) -> str:
    return words if len(words) <= _SHOWN else f"{words[:_SHOWN]}…"


def _by_name(why: str) -> str:
    return f"definitions were compared by their names alone: {why}"
