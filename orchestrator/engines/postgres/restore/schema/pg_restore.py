"""Running pg_restore on chosen entries, each run proved by its exit status and its words.

Archive and list lie in memory, readable by this user alone: nothing stays on a disk, whatever
happens. Entries are chosen by number through ``--use-list``, never by name
(reference/postgres.md §1, "Restoring", rule 6).
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from orchestrator.engines.postgres.children import (
    CompletedChild,
    libpq_environment,
    run_child,
)
from orchestrator.engines.postgres.preflight.clients import warn_of_holes
from orchestrator.engines.postgres.programs import ClientPrograms, find_client_programs
from orchestrator.engines.postgres.restore.access import Access
from orchestrator.engines.postgres.restore.broken_rules import (
    BROKEN_BY_ROWS,
    INDEX_BROKEN_BY_ROWS,
)
from orchestrator.engines.postgres.restore.schema.archive_contents import (
    ArchiveContents,
    ArchiveEntry,
    read_archive_contents,
)
from orchestrator.engines.postgres.restore.schema.entry_classes import MAY_FAIL, Step, step_of
from orchestrator.engines.postgres.restore.schema.watching import killed_if_frozen
from orchestrator.errors import RestoreError

_LISTED = re.compile(r"^(\d+); \d+ \d+ ", re.MULTILINE)
# pg_restore writes name, level and text of a message one by one. Those of several sessions arrive as
# "pg_restore: pg_restore:from TOC entry 2413; …" and "error:  could not execute query: …" (seen with
# 17.10, --jobs=2), so that some texts begin a line, and others have too much before them.
_RECORD = re.compile(
    r"^((?:pg_restore: ?| ?error: ?)+|(?= ?could not execute query: | ?from TOC entry \d+;))"
    r" ?(.*?)(?=^pg_restore:|^ ?error: |^ ?could not execute query: |^ ?from TOC entry \d+;|\Z)",
    re.MULTILINE | re.DOTALL,
)
_REFUSED = "could not execute query: "
_MISSING_ROLE = re.compile(r'role ("[^"]+") does not exist')
_CREATE_ROLE = "create the role {role} on the target server, or restore again with --with-roles"
_SEARCH_PATH = (
    "functions that it calls must name what they use with its schema, or have SET search_path: that"
    " can only be corrected at the source, before another backup"
)
_REMOVE_CAUSE = (
    "if the cause lies on the target server, remove it and restore again;"
    f" {_SEARCH_PATH}; RESTORE.md beside the backup says how to restore by hand"
)
_SKIP_INDEX = (
    "restore into a new database with --skip-failed-indexes, which leaves it out and lists it;"
    f" {_SEARCH_PATH}"
)
# pg_restore shows no SQLSTATE; of class 23, these are what making a constraint or an index ends with.
_BROKEN = re.compile(
    r"violates (?:foreign key|check) constraint|is violated by some row|contains? null values"
    r"|could not create (?:unique index|exclusion constraint)"
)
_CULPRIT = re.compile(r"from TOC entry (\d+);")

# pg_restore 17 and later begin each session with a setting that older servers do not know; with
# --exit-on-error they would end there (seen with 17.10 on a server 15.18). An older pg_restore
# cannot always be had, and reads no archive of a newer pg_dump.
_SETTING_SINCE = 170000
_UNKNOWN_SETTING = (
    'unrecognized configuration parameter "transaction_timeout" '
    "Command was: SET transaction_timeout = 0;"
)
_LIST_TIMEOUT = 60.0  # seconds; it reads a file in memory


class SchemaArchive:
    """A schema archive in memory, and the pg_restore that recreates entries of it."""

    def __init__(
        self,
        path: str,
        contents: ArchiveContents,
        *,
        programs: ClientPrograms,
        server_version: int,
    ) -> None:
        """``server_version`` is the target's, such as 170010."""
        self._path = path
        self._programs = programs
        self._may_meet_unknown_setting = (
            server_version < _SETTING_SINCE <= 10000 * programs.version[0]
        )
        self.contents = contents

    def recreate(
        self,
        entries: Sequence[ArchiveEntry],
        access: Access,
        database: str,
        *,
        jobs: int,
        flags: Sequence[str] = (),
    ) -> None:
        """Recreate entries, at least one, in the order given, as the connecting role.

        Owners and grants are left to the caller. ``jobs`` sessions work at once where that is
        possible. ``flags`` are further options of pg_restore.

        Raises:
            RestoreError: an entry failed; the message has its name and the server's words.
        """
        # The words of several sessions arrive mixed, and here they are what tells right from wrong.
        lenient = self._may_meet_unknown_setting
        strictness = [] if lenient else ["--exit-on-error", f"--jobs={jobs}"]
        with _in_memory("list", _list_of(entries)) as list_path:
            answer = self._run(
                access,
                database,
                f"--use-list={list_path}",
                *strictness,
                "--no-owner",
                "--no-privileges",
                "--verbose",
                *flags,
            )
        faults = [fault for fault in read_faults(answer.words) if not fault.is_unknown_setting]
        # Without --exit-on-error a status of 1 is right if only the unknown setting was refused.
        if faults or answer.returncode not in ({0, 1} if lenient else {0}):
            raise _failure(answer, faults, self.contents)

    def _run(self, access: Access, database: str, *arguments: str) -> CompletedChild:
        with (
            access.for_programs(database) as (connection_string, environment),
            killed_if_frozen(access, database) as started,
        ):
            return run_child(
                [
                    self._programs.path("pg_restore"),
                    f"--dbname={connection_string}",
                    *arguments,
                    "--",
                    self._path,
                ],
                environment=environment,
                timeout=None,
                started=started,
            )

    def check(self, environment: Mapping[str, str]) -> None:
        """Do nothing if pg_restore reads the same table of contents from the archive as we do.

        Raises:
            RestoreError: it cannot read the archive, or numbers its entries otherwise.
        """
        answer = run_child(
            [self._programs.path("pg_restore"), "--list", "--", self._path],
            environment=environment,
            timeout=_LIST_TIMEOUT,
        )
        if answer.returncode != 0:
            raise _unreadable(f"pg_restore cannot read it: {answer.words}")
        listed = {
            int(number) for number in _LISTED.findall(answer.stdout.decode("utf-8", "replace"))
        }
        wanted = {e.dump_id for e in self.contents.entries if step_of(e) is not Step.NEVER}
        if not wanted <= listed:
            raise _unreadable(f"pg_restore does not list entries {sorted(wanted - listed)[:5]}")


@contextmanager
def open_schema_archive(
    archive: bytes, *, environment: Mapping[str, str], server_version: int
) -> Iterator[SchemaArchive]:
    """Put an archive where pg_restore can read it, with the newest pg_restore that fits.

    ``server_version`` is the target's, such as 170010; ``environment`` finds programs.

    Raises:
        RestoreError: the archive cannot be read.
        ClientProgramError: no pg_restore is new enough for both archive and server.
    """
    contents = read_archive_contents(archive)
    programs = find_client_programs(
        environment=environment,
        at_least=max(contents.dumped_by, server_version // 10000),
    )
    warn_of_holes(programs)
    with _in_memory("schema", archive) as path:
        opened = SchemaArchive(path, contents, programs=programs, server_version=server_version)
        opened.check(libpq_environment(inherited=environment, application_name="orchestrator"))
        yield opened


@contextmanager
def _in_memory(name: str, data: bytes) -> Iterator[str]:
    descriptor = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        os.fchmod(descriptor, 0o600)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            file.write(data)
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)


def _list_of(entries: Sequence[ArchiveEntry]) -> bytes:
    return "".join(f"{entry.dump_id};\n" for entry in entries).encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One error of pg_restore: its words, and the number of the entry it was working on."""

    dump_id: int | None
    words: str
    is_refusal: bool
    """Whether the server refused a statement, rather than that a session of pg_restore ended."""

    @property
    def is_unknown_setting(self) -> bool:
        """Whether a server older than pg_restore refused a setting that changes nothing there."""
        return self.words == _UNKNOWN_SETTING


def read_faults(output: str) -> Iterator[Fault]:
    """Given what ``pg_restore --verbose`` wrote to its standard error, yield its errors."""
    dump_id: int | None = None
    for before, text in _RECORD.findall(output):
        match = _CULPRIT.match(text)
        if match is not None:
            dump_id = int(match[1])
        elif "error:" in before or text.startswith(_REFUSED):
            words = " ".join(text.split())
            yield Fault(
                dump_id=dump_id,
                words=words.removeprefix(_REFUSED).removeprefix("ERROR: "),
                is_refusal=words.startswith(_REFUSED),
            )


def _failure(
    answer: CompletedChild, faults: Sequence[Fault], contents: ArchiveContents
) -> RestoreError:
    # In several sessions the first refusal is the cause; the others are those it took along.
    last = answer.words.splitlines()[-1:]
    words = f"pg_restore ended with status {answer.returncode}: {''.join(last)}"
    unknown = Fault(dump_id=None, words=words, is_refusal=False)
    fault = next((one for one in faults if one.is_refusal), next(iter(faults), unknown))
    named = {entry.dump_id: entry for entry in contents.entries}
    entry = None if fault.dump_id is None else named.get(fault.dump_id)
    subject = f"{entry.kind} {entry}" if entry else "the schema"
    return RestoreError(
        f"{subject} could not be restored: {fault.words.partition(' Command was: ')[0]}",
        next_step=_next_step(entry, fault.words),
    )


def _next_step(entry: ArchiveEntry | None, words: str) -> str:
    is_index = entry is not None and entry.kind in MAY_FAIL
    if missing := _MISSING_ROLE.search(words):
        return _CREATE_ROLE.format(role=missing[1])
    if _BROKEN.search(words.partition(" DETAIL: ")[0]):
        return INDEX_BROKEN_BY_ROWS if is_index else BROKEN_BY_ROWS
    return _SKIP_INDEX if is_index else _REMOVE_CAUSE


def _unreadable(why: str) -> RestoreError:
    return RestoreError(
        f"the schema archive cannot be restored: {why}",
        next_step="run `orchestrator verify --level objects` on this backup, or take another",
    )
