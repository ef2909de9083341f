"""Objects that nothing names, in SQL: when each was first seen so, and when somebody looked."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from orchestrator.catalog.sql.columns import require_utc
from orchestrator.catalog.sql.rows import series_of
from orchestrator.catalog.sql.tables import COLLECTIONS, UNREFERENCED
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.catalog.sql.writing import append_entry
from orchestrator.model.names import DestinationName, ObjectKey, Series
from orchestrator.model.pruning import CollectionState
from orchestrator.model.run import LogEntry

_Place = tuple[Series, DestinationName]


class SqlCollections:
    """Reads and writes how far collections are, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, work through it."""
        self._transactions = transactions

    def collections(self) -> Mapping[_Place, CollectionState]:
        """Return how far every collection is."""
        columns = UNREFERENCED.c
        key = (columns.policy, columns.database, columns.destination)
        # The alias keeps the type of the column, and with it the time zone of its values.
        oldest = select(*key, func.min(columns.first_seen).label("oldest")).group_by(*key)
        with self._transactions.reading() as connection:
            looks = {
                (series_of(row), DestinationName(row["destination"])): row["looked_at"]
                for row in connection.execute(select(COLLECTIONS)).mappings()
            }
            ages = {
                (series_of(row), DestinationName(row["destination"])): row["oldest"]
                for row in connection.execute(oldest).mappings()
            }
        return {
            place: CollectionState(looked_at=looks.get(place), oldest_unreferenced=ages.get(place))
            for place in looks.keys() | ages.keys()
        }

    def unreferenced(
        self, series: Series, destination: DestinationName
    ) -> Mapping[ObjectKey, datetime]:
        """Return when each object was first seen unreferenced."""
        query = select(UNREFERENCED).filter_by(**_key(series, destination))
        with self._transactions.reading() as connection:
            rows = connection.execute(query).mappings()
            return {ObjectKey(row["key"]): row["first_seen"] for row in rows}

    def record_unreferenced(
        self,
        series: Series,
        destination: DestinationName,
        keys: Collection[ObjectKey],
        *,
        at: datetime,
    ) -> None:
        """Remember unreferenced objects."""
        place, moment = _key(series, destination), require_utc(at)
        wanted = set(keys)
        with self._transactions.writing() as connection:
            query = select(UNREFERENCED.c.key).filter_by(**place)
            known = {ObjectKey(key) for key in connection.execute(query).scalars()}
            for key in sorted(known - wanted):
                connection.execute(delete(UNREFERENCED).filter_by(**place, key=key))
            new = [{**place, "key": key, "first_seen": moment} for key in sorted(wanted - known)]
            if new:
                connection.execute(insert(UNREFERENCED), new)

    def record_collection(
        self,
        series: Series,
        destination: DestinationName,
        *,
        at: datetime,
        removed: Collection[ObjectKey],
        entry: LogEntry,
    ) -> None:
        """Remember a look, and forget what was removed."""
        place, moment = _key(series, destination), require_utc(at)
        with self._transactions.writing() as connection:
            for key in removed:
                connection.execute(delete(UNREFERENCED).filter_by(**place, key=key))
            if not insert_if_new(connection, COLLECTIONS, {**place, "looked_at": moment}):
                looking = update(COLLECTIONS).filter_by(**place).values(looked_at=moment)
                connection.execute(looking)
            if removed:
                append_entry(connection, entry)


def _key(series: Series, destination: DestinationName) -> dict[str, str]:
    return {
        "policy": series.policy,
        "database": series.database,
        "destination": destination,
    }
