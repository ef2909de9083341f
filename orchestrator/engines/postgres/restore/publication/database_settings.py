"""``ALTER DATABASE … SET`` as data: which settings come when, and how their values are written.

What shapes the contents of materialized views (``default_text_search_config``, the application's
own settings) must be there before them; what could keep our own sessions out, or switch checks
off in them, comes last.
"""

import re
from collections.abc import Iterable

from orchestrator.engines.postgres.identifiers import quote_identifier, quote_literal
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.model.contents import DatabaseSetting

_LATE = frozenset(
    {
        "event_triggers",
        "local_preload_libraries",
        "role",
        "session_preload_libraries",
        "session_replication_role",
    }
)

# Settings whose value is a list of names, each quoted on its own: `GUC_LIST_QUOTE` in the server,
# `variable_is_guc_list_quote` in pg_dump's dumputils.c.
_LISTS = frozenset(
    {
        "local_preload_libraries",
        "search_path",
        "session_preload_libraries",
        "shared_preload_libraries",
        "temp_tablespaces",
        "unix_socket_directories",
    }
)
_ITEM = re.compile(r'"((?:[^"]|"")*)"|([^\s,"]+)')


def comes_late(setting: DatabaseSetting) -> bool:
    """Return whether a setting is applied only when the database is published."""
    return setting.role is not None or setting.setting.partition("=")[0].lower() in _LATE


def setting_statement(database: str, setting: DatabaseSetting) -> str:
    """Return the ALTER that gives a database, or a role in it, one setting."""
    name, _, value = setting.setting.partition("=")
    target = f"DATABASE {quote_identifier(database)}"
    if setting.role is not None:
        target = f"ROLE {quote_identifier(setting.role)} IN {target}"
    # An extension's setting has a prefix: "app.tenant" is two identifiers.
    quoted = ".".join(quote_identifier(part) for part in name.split("."))
    return f"ALTER {target} SET {quoted} TO {_written(name, value)}"


def apply_settings(attempts: Attempts, database: str, settings: Iterable[DatabaseSetting]) -> None:
    """Try each setting; what the server refuses is listed in ``attempts``."""
    for setting in settings:
        of_role = f" of role {setting.role}" if setting.role is not None else ""
        name = setting.setting.partition("=")[0]
        attempts.run(
            setting_statement(database, setting), kind="DATABASE SETTING", name=f"{name}{of_role}"
        )


def _written(name: str, value: str) -> str:
    if name.lower() not in _LISTS:
        return quote_literal(value)
    items = [
        quoted.replace('""', '"') if quoted or not plain else plain
        for quoted, plain in _ITEM.findall(value)
    ]
    return ", ".join(quote_literal(item) for item in items) or "''"
