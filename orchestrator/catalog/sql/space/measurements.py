"""What was measured of destinations, in SQL: `orchestrator.ports.space`."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import delete, select

from orchestrator.catalog.sql.tables import SPACE, UNMEASURED
from orchestrator.catalog.sql.transactions import Transactions, insert_if_new
from orchestrator.model.names import DestinationName
from orchestrator.model.space import Space, SpaceHistory, SpaceMeasurement, Unmeasured


class SqlSpace:
    """Reads and writes measurements, each in one transaction."""

    def __init__(self, transactions: Transactions) -> None:
        """Given a way to open transactions on a migrated catalog, go through it."""
        self._transactions = transactions

    def space(self) -> Mapping[DestinationName, SpaceHistory]:
        """Return what is known of every destination."""
        with self._transactions.reading() as connection:
            measured = connection.execute(select(SPACE).order_by(SPACE.c.at)).mappings().all()
            failed = connection.execute(select(UNMEASURED)).mappings().all()
        listed: dict[DestinationName, list[SpaceMeasurement]] = {}
        for row in measured:
            name = DestinationName(row["destination"])
            space = Space(free=row["free"], whole=row["whole"])
            measurement = SpaceMeasurement(destination=name, at=row["at"], space=space)
            listed.setdefault(name, []).append(measurement)
        troubles = {
            DestinationName(row["destination"]): Unmeasured(at=row["at"], why=row["why"])
            for row in failed
        }
        return {
            name: SpaceHistory(
                measurements=tuple(listed.get(name, ())), unmeasured=troubles.get(name)
            )
            for name in sorted(listed.keys() | troubles.keys())
        }

    def record_space(
        self, measurement: SpaceMeasurement, *, forgetting: Collection[datetime] = ()
    ) -> None:
        """Remember a measurement."""
        gone = [*forgetting, measurement.at]
        of_place = SPACE.c.destination == measurement.destination
        row = {
            "destination": measurement.destination,
            "at": measurement.at,
            "free": measurement.space.free,
            "whole": measurement.space.whole,
        }
        with self._transactions.writing() as connection:
            connection.execute(delete(SPACE).where(of_place, SPACE.c.at.in_(gone)))
            insert_if_new(connection, SPACE, row)
            connection.execute(
                delete(UNMEASURED).where(UNMEASURED.c.destination == measurement.destination)
            )

    def record_unmeasured(self, destination: DestinationName, unmeasured: Unmeasured) -> None:
        """Remember that a place could not be measured."""
        row = {"destination": destination, "at": unmeasured.at, "why": unmeasured.why}
        with self._transactions.writing() as connection:
            insert_if_new(connection, UNMEASURED, row)
