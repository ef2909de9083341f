"""Brings a catalog to the form that this version knows, once, whoever opens it first."""

from pathlib import Path

from sqlalchemy import Column, Connection, MetaData, String, Table, inspect, select, text

from orchestrator.catalog.sql.transactions import Transactions
from orchestrator.catalog.sql.translation import Place
from orchestrator.errors import CatalogVersionError

NEWEST_REVISION = "0011_safety_copies"
"""The last script of ``migrations/versions``; Alembic is imported only when it is not reached."""

VERSION_TABLE = "orchestrator_catalog_version"
"""Not Alembic's own name for it: an application in the same database may use Alembic, too."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK_NUMBER = 0x6F7263_63617461
"""Of PostgreSQL's advisory locks, the one held while a catalog is migrated ("orc", "cata")."""

_VERSION = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32)))


def migrate(transactions: Transactions) -> None:
    """Make the catalog's form the newest, in one transaction; a second caller waits for it.

    Raises:
        CatalogVersionError: a newer version of this program wrote the catalog; it is unchanged.
    """
    with transactions.reading() as connection:
        if _revision(connection) == NEWEST_REVISION:
            return
    with transactions.writing() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK_NUMBER})"))
        revision = _revision(connection)
        if revision != NEWEST_REVISION:
            _upgrade(connection, revision, transactions.place)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar()


def _upgrade(connection: Connection, revision: str | None, place: Place) -> None:
    # Alembic takes 100 ms to import, and nearly every command finds the catalog as it should be.
    from alembic import command  # noqa: PLC0415 -- for that reason
    from alembic.config import Config  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if revision is not None and revision not in known:
        raise CatalogVersionError(
            f"the catalog {place} was written by a newer version of this program ({revision})",
            next_step="install that version or a later one, or use another catalog",
        )
    config.attributes.update(connection=connection, version_table=VERSION_TABLE)
    command.upgrade(config, NEWEST_REVISION)
