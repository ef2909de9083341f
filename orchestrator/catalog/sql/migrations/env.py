"""Run by Alembic: migrates over the connection that ``migrating.py`` opened and locked.

The transaction is the caller's, so that a migration happens whole or not at all, on SQLite too.
"""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["version_table"],
    transactional_ddl=True,
)
context.run_migrations()
