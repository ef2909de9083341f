"""Names that no encoding explains: an SQL_ASCII database takes any bytes for a name.

Rows of such a database pass unchanged, but names travel as UTF-8, as they do through pg_dump,
JSON and terminals (reference/postgres.md §2, row 36).
"""

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.errors import UnsupportedServerError

_SHOWN = 5

# Everything whose name a backup or a restore reads. To its own encoding `convert_to` changes nothing,
# and what a bytea holds is not checked on its way.
_NAMES = """
SELECT kind, pg_catalog.convert_to(name::text, 'SQL_ASCII') FROM (
  SELECT 'schema', nspname FROM pg_catalog.pg_namespace
  UNION ALL SELECT 'relation', relname FROM pg_catalog.pg_class
  UNION ALL SELECT 'column', attname FROM pg_catalog.pg_attribute
    WHERE attnum > 0 AND NOT attisdropped
  UNION ALL SELECT 'type', typname FROM pg_catalog.pg_type
  UNION ALL SELECT 'function', proname FROM pg_catalog.pg_proc
  UNION ALL SELECT 'constraint', conname FROM pg_catalog.pg_constraint
  UNION ALL SELECT 'trigger', tgname FROM pg_catalog.pg_trigger
  UNION ALL SELECT 'rule', rulename FROM pg_catalog.pg_rewrite
  UNION ALL SELECT 'policy', polname FROM pg_catalog.pg_policy
  UNION ALL SELECT 'statistics', stxname FROM pg_catalog.pg_statistic_ext
  UNION ALL SELECT 'collation', collname FROM pg_catalog.pg_collation
  UNION ALL SELECT 'conversion', conname FROM pg_catalog.pg_conversion
  UNION ALL SELECT 'operator class', opcname FROM pg_catalog.pg_opclass
  UNION ALL SELECT 'operator family', opfname FROM pg_catalog.pg_opfamily
  UNION ALL SELECT 'text search configuration', cfgname FROM pg_catalog.pg_ts_config
  UNION ALL SELECT 'text search dictionary', dictname FROM pg_catalog.pg_ts_dict
  UNION ALL SELECT 'extension', extname FROM pg_catalog.pg_extension
  UNION ALL SELECT 'publication', pubname FROM pg_catalog.pg_publication
  UNION ALL SELECT 'event trigger', evtname FROM pg_catalog.pg_event_trigger
  UNION ALL SELECT 'database', datname FROM pg_catalog.pg_database
    WHERE datname = pg_catalog.current_database()
  UNION ALL SELECT 'role', rolname FROM pg_catalog.pg_roles
) AS all_names(kind, name) WHERE name::text ~ '[^\\x01-\\x7f]'
"""


def refuse_unreadable_names(connection: Connection) -> None:
    """Do nothing unless the database is SQL_ASCII and holds a name that is not UTF-8.

    Raises:
        UnsupportedServerError: names the first few, undecodable bytes in hexadecimal.
    """
    if connection.info.parameter_status("server_encoding") != "SQL_ASCII":
        return
    rows = connection.execute(_NAMES.encode())
    unreadable = sorted(
        f"{kind} {_shown(name)}"
        for kind, name in rows
        if isinstance(name, bytes) and not _is_utf8(name)
    )
    if unreadable:
        more = f" and {len(unreadable) - _SHOWN} more" if len(unreadable) > _SHOWN else ""
        raise UnsupportedServerError(
            "the database has the encoding SQL_ASCII and names that are not UTF-8: "
            + ", ".join(unreadable[:_SHOWN])
            + more,
            next_step="rename them (ALTER … RENAME); rows of any encoding are backed up as they are",
        )


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _shown(name: bytes) -> str:
    return repr(name.decode("utf-8", "backslashreplace"))
