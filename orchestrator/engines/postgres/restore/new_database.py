"""A database while it is being built; the steps are in the order of the port's methods."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from typing_extensions import override

from orchestrator.engines.postgres.restore.access import Access, Connection, restore_errors
from orchestrator.engines.postgres.restore.completing import (
    analyze,
    refresh_materialized_views,
    set_sequences,
)
from orchestrator.engines.postgres.restore.creating import Created
from orchestrator.engines.postgres.restore.deferred_checks import (
    DeferredCheck,
    bring_checks_back,
    take_checks_away,
)
from orchestrator.engines.postgres.restore.loading import PostgresLoader
from orchestrator.engines.postgres.restore.publication.ownership import (
    owned_database,
    owned_entries,
    owned_objects,
)
from orchestrator.engines.postgres.restore.publication.publishing import (
    publish_database,
    publish_definitions,
)
from orchestrator.engines.postgres.restore.reading import (
    RestoredReader,
    count_all_rows,
    may_read_pages,
)
from orchestrator.engines.postgres.restore.schema.chosen_tables import choose_entries
from orchestrator.engines.postgres.restore.schema.comparing import (
    GRANTS,
    Recorded,
    compare_definitions,
)
from orchestrator.engines.postgres.restore.schema.definitions import recreate_definitions
from orchestrator.engines.postgres.restore.schema.entry_classes import Step
from orchestrator.engines.postgres.restore.schema.pg_restore import (
    SchemaArchive,
    open_schema_archive,
)
from orchestrator.engines.postgres.restore.spreading import (
    group_by_root,
    read_spread_partitions,
)
from orchestrator.engines.postgres.sequences import read_sequences
from orchestrator.engines.postgres.set_aside import aside_comment
from orchestrator.errors import RestoreError
from orchestrator.model.contents import (
    DatabaseProperties,
    Details,
    Extension,
    LargeObject,
    SequenceState,
    SkippedEntry,
    Table,
    TableName,
)
from orchestrator.ports.engine import ChunkLoader, NewDatabase, RestoreRequest

_EXTENSION_VERSIONS = "SELECT e.extname, e.extversion FROM pg_catalog.pg_extension e"
_CREATE_LARGE_OBJECTS = "SELECT pg_catalog.lo_create(oid) FROM unnest(%s::oid[]) AS wanted(oid)"


class PostgresNewDatabase(NewDatabase):
    """Built through ``connections``, which are open for as long as it is not published."""

    def __init__(
        self,
        request: RestoreRequest,
        properties: DatabaseProperties,
        *,
        access: Access,
        maintenance: Connection,
        connections: Sequence[Connection],
        created: Created,
    ) -> None:
        """``created`` is what creating the database left out, which `publish` returns, and made."""
        self._request = request
        self._properties = properties
        self._access = access
        self._maintenance = maintenance
        self._connections = connections
        self._created = created
        self._loaders = [PostgresLoader(c, encoding=properties.encoding) for c in connections]
        self._reader = RestoredReader(
            access,
            request.temporary_name,
            encoding=properties.encoding,
            version=connections[0].info.server_version,
        )
        self._roots: Mapping[TableName, TableName] = {}
        self._recorded: Recorded | None = None
        self._apart: set[tuple[str, str]] = set()
        self._notes: list[str] = []
        self._large_objects: tuple[LargeObject, ...] = ()
        self._checks: tuple[DeferredCheck, ...] = ()

    @property
    @override
    def loaders(self) -> Sequence[ChunkLoader]:
        return self._loaders

    @property
    @override
    def notes(self) -> Sequence[str]:
        return [*self._created.notes, *self._notes]

    @override
    def restore_pre_data(self, schema_archive: bytes, details: Details) -> Sequence[SkippedEntry]:
        skipped = self._recreate(schema_archive, Step.BEFORE_DATA, details)
        self._notes += _other_versions(self._first, details.extensions)
        self._large_objects = details.large_objects
        with restore_errors("preparing for the rows", next_step="restore again"):
            oids = [item.oid for item in details.large_objects]
            self._first.execute(_CREATE_LARGE_OBJECTS, [oids])
            self._checks = take_checks_away(
                self._first, all_of_tables=self._request.skip_failed_constraints
            )
        self._roots = read_spread_partitions(self._first)
        for loader in self._loaders:
            loader.roots = self._roots
        return skipped

    @override
    def restore_post_data(self, schema_archive: bytes, details: Details) -> Sequence[SkippedEntry]:
        unchecked = bring_checks_back(
            self._first,
            self._checks,
            may_stay_unchecked=self._request.skip_failed_constraints,
        )
        self._apart |= {(entry.kind, entry.name) for entry in unchecked}
        set_sequences(self._first, self._present_sequences(details.sequences))
        skipped = self._recreate(schema_archive, Step.AFTER_DATA, details)
        skipped += refresh_materialized_views(self._first, details.unpopulated)
        return unchecked + skipped + analyze(self._connections)

    @override
    def count_rows(self, tables: Sequence[Table]) -> Sequence[int]:
        with restore_errors("counting the restored rows", next_step="restore again"):
            return count_all_rows(self._connections, tables)

    @override
    def comparable(self, tables: Sequence[Table]) -> Sequence[Sequence[Table]]:
        return group_by_root(tables, self._roots)

    @override
    def read_table(self, table: Table, consume: Callable[[bytes], None]) -> int:
        return self._reader.read_table(table, consume)

    @override
    def read_sequences(self) -> Sequence[SequenceState]:
        with restore_errors("reading the restored sequences", next_step="restore again"):
            return read_sequences(self._first)

    @override
    def read_large_objects(self, consume: Callable[[bytes], None]) -> int:
        with restore_errors("reading the restored large objects", next_step="restore again"):
            by_page = may_read_pages(self._first)
        if by_page:
            return self._reader.read_large_objects(consume)
        extents = [extent for loader in self._loaders for extent in loader.extents]
        return self._reader.read_extents(extents, consume)

    @override
    def publish(self) -> Sequence[SkippedEntry]:
        recorded = self._recorded
        if recorded is None:
            raise RestoreError(
                "a database without its definitions cannot be published",
                next_step="restore the schema archive first",
            )
        ownership, role = self._request.ownership, self._role()
        properties = owned_database(self._properties, ownership, restoring_role=role)
        if self._request.set_aside:
            # Nobody could drop a template that is left behind; the swap makes it one.
            comment = aside_comment(self._request.final_name)
            properties = replace(properties, comment=comment, is_template=False)
        with restore_errors(
            "owners, grants and other accessories could not be recreated",
            next_step="see the server's log and restore again",
        ):
            skipped = publish_definitions(
                self._first,
                tuple(owned_entries(recorded.entries, ownership)),
                owned_objects(self._large_objects, ownership, restoring_role=role),
                database_owner=properties.owner,
            )
        skipped += self._compare_definitions(recorded, skipped)
        for connection in self._connections:
            connection.close()
        self.close()
        skipped += publish_database(
            self._maintenance,
            properties,
            temporary_name=self._request.temporary_name,
            final_name=self._request.final_name,
        )
        return [*self._created.skipped, *skipped]

    def close(self) -> None:
        """End the session that reads; may be called twice."""
        self._reader.close()

    @property
    def _first(self) -> Connection:
        return self._connections[0]

    def _recreate(self, schema_archive: bytes, step: Step, details: Details) -> list[SkippedEntry]:
        version = self._first.info.server_version
        with open_schema_archive(
            schema_archive, environment=self._access.environment, server_version=version
        ) as archive:
            left_out = self._choose(archive, step)
            self._recorded = Recorded(
                entries=archive.contents.entries,
                dumped_by=archive.contents.dumped_by,
                server=details.identity.version_number // 10000,
                encoding=self._properties.encoding,
            )
            with restore_errors(f"definitions {step.value}", next_step="restore again"):
                refused = recreate_definitions(
                    archive,
                    step,
                    self._access,
                    self._first,
                    request=self._request,
                    carried=[data.table.name for data in details.tables],
                )
        self._apart |= {(entry.kind, entry.name) for entry in refused}
        return left_out + refused

    def _compare_definitions(
        self, recorded: Recorded, skipped: Sequence[SkippedEntry]
    ) -> list[SkippedEntry]:
        """Return what is not as recorded, besides what is known; grants follow their owners."""
        apart = self._apart | {(entry.kind, entry.name) for entry in skipped}
        ownership = self._request.ownership
        is_owned_as_recorded = ownership.keep_owners and not ownership.renamed
        is_owned_as_recorded &= all(entry.kind != "OWNER" for entry in skipped)
        if not (is_owned_as_recorded and ownership.keep_grants):
            apart |= {(kind, "*") for kind in GRANTS}
        differences, notes = compare_definitions(
            recorded,
            self._access,
            self._request.temporary_name,
            server=self._first.info.server_version // 10000,
            apart=apart,
        )
        self._notes += notes
        return differences

    def _choose(self, archive: SchemaArchive, step: Step) -> list[SkippedEntry]:
        """Leave in the archive only what the wanted tables need; say, once, what that leaves out."""
        if self._request.tables is None:
            return []
        kept, left_out = choose_entries(archive.contents.entries, self._request.tables)
        archive.contents = replace(archive.contents, entries=tuple(kept))
        return left_out if step is Step.BEFORE_DATA else []

    def _present_sequences(self, states: Sequence[SequenceState]) -> Sequence[SequenceState]:
        if self._request.tables is None:
            return states
        entries = self._recorded.entries if self._recorded else ()
        present = {(one.schema, one.name) for one in entries if one.kind == "SEQUENCE"}
        return [state for state in states if (state.name.schema, state.name.name) in present]

    def _role(self) -> str:
        with restore_errors("asking who restores", next_step="restore again"):
            row = self._first.execute("SELECT current_user").fetchone()
        return "" if row is None else str(row[0])


def _other_versions(connection: Connection, recorded: Sequence[Extension]) -> list[str]:
    """Say which extensions came back in another version than that of the source."""
    with restore_errors("reading the versions of extensions", next_step="restore again"):
        rows = connection.execute(_EXTENSION_VERSIONS).fetchall()
    now = {str(name): str(version) for name, version in rows}
    return [
        f"extension {one.name} is version {now[one.name]} here, and was {one.version} at the source"
        for one in recorded
        if now.get(one.name, one.version) != one.version
    ]
