"""Opens a catalog by its URL: the only door to it that the composition root needs."""

from orchestrator.catalog.sql.applied.policies import SqlApplied
from orchestrator.catalog.sql.applied.renaming import SqlRenaming
from orchestrator.catalog.sql.connecting import connect_to
from orchestrator.catalog.sql.history.histories import SqlHistories
from orchestrator.catalog.sql.leasing import SqlLeases
from orchestrator.catalog.sql.marking import SqlMarks
from orchestrator.catalog.sql.migrating import migrate
from orchestrator.catalog.sql.outbox import SqlAlertFacts, SqlOutbox
from orchestrator.catalog.sql.pruning import SqlCollections, SqlPruning
from orchestrator.catalog.sql.reading import SqlReader
from orchestrator.catalog.sql.space.measurements import SqlSpace
from orchestrator.catalog.sql.timeline import SqlTimeline
from orchestrator.catalog.sql.transactions import Transactions
from orchestrator.catalog.sql.writing import SqlWriter


class SqlCatalog(
    SqlReader,
    SqlHistories,
    SqlWriter,
    SqlMarks,
    SqlTimeline,
    SqlPruning,
    SqlCollections,
    SqlApplied,
    SqlRenaming,
    SqlSpace,
    SqlOutbox,
    SqlAlertFacts,
    SqlLeases,
):
    """A `orchestrator.ports.catalog.Catalog` in SQLite or PostgreSQL; threads may share one."""

    def close(self) -> None:
        """Close its connections. This happens by itself when nothing refers to it any more."""
        self._transactions.close()


def open_catalog(url: str) -> SqlCatalog:
    """Open the catalog at a URL, making or migrating it where necessary.

    ``url`` is ``sqlite:///folder/catalog.sqlite3`` or ``postgresql://user@host/database``. Folder
    and file of a new SQLite catalog are made for their owner alone. Several processes may open a
    new catalog at once.

    Raises:
        UsageError: the URL is of another kind, or malformed.
        CatalogUnreachableError: the catalog cannot be opened or reached.
        CatalogVersionError: it was written by a newer version; it is left as it is.
        CatalogFullError: its disk is full.
        CatalogError: anything else that the database answered.
    """
    engine, place = connect_to(url)
    transactions = Transactions(engine, place)
    try:
        migrate(transactions)
    except BaseException:
        transactions.close()
        raise
    return SqlCatalog(transactions)
