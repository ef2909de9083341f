"""Which tables a selection means, while others change them."""

from typing import Any

import psycopg
from typing_extensions import override

from orchestrator.engines.postgres.backup.tables.resolve import resolve
from orchestrator.model.contents import TableName
from orchestrator.model.policy import TableSelection
from tests.support.postgres import Database


class DetachingConnection(psycopg.Connection[tuple[object, ...]]):
    """A session before whose look at the parents another one detaches a partition."""

    database: Database

    @override
    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        if "pg_inherits" in str(query):
            self.database.execute("ALTER TABLE p DETACH PARTITION p_a")
        return super().execute(query, *arguments, **options)


def test_a_partition_that_is_detached_between_two_looks_is_no_partition(
    empty_database: Database,
) -> None:
    empty_database.execute(
        "CREATE TABLE p (x text) PARTITION BY LIST (x);"
        "CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a');"
        "CREATE TABLE p_b PARTITION OF p FOR VALUES IN ('b')"
    )
    with DetachingConnection.connect(empty_database.url, autocommit=True) as connection:
        connection.database = empty_database
        found = resolve(connection, TableSelection())
    assert found.partition_of == {TableName("public", "p_b"): TableName("public", "p")}
    assert TableName("public", "p_a") in {relation.name for relation in found.read}
