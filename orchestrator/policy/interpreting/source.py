"""The source section of a policy becomes a `Source`."""

from datetime import timedelta
from pathlib import Path

from orchestrator.model.names import DatabaseName
from orchestrator.model.policy import MAX_STANDBY_LAG, Source
from orchestrator.model.secret import Secret
from orchestrator.planning.database_patterns import is_pattern
from orchestrator.policy.interpolation import SecretReader
from orchestrator.policy.problems import Place, quoted
from orchestrator.policy.reading.section import Section
from orchestrator.policy.syntax.connection_strings import ConnectionStringError, default_database
from orchestrator.policy.syntax.durations import parse_duration

ENGINE = "postgresql"
LOCK_TIMEOUT = timedelta(seconds=30)
STALL_TIMEOUT = timedelta(minutes=2)
MAX_DURATION = timedelta(hours=6)
YIELD_AFTER = timedelta(seconds=30)


def interpret_source(section: Section, secrets: SecretReader, folder: Path) -> Source | None:
    """Return the source, or None if it has no usable url; that was reported."""
    url = _url(section, "url", secrets, folder)
    restore_url = _url(section, "restore_url", secrets, folder)
    listed = [text.value for text in section.texts("databases")]
    if url is None:
        return None
    databases = tuple(DatabaseName(name) for name in listed if not is_pattern(name))
    if not section.has("databases"):
        databases = _default_databases(url, section.place_of("url"), secrets)
    return Source(
        engine=ENGINE,
        url=url,
        restore_url=restore_url or url,
        databases=databases,
        patterns=tuple(name for name in listed if is_pattern(name)),
        max_standby_lag=duration_of(section, "max_standby_lag", MAX_STANDBY_LAG),
        lock_timeout=duration_of(section, "lock_timeout", LOCK_TIMEOUT),
        stall_timeout=duration_of(section, "stall_timeout", STALL_TIMEOUT),
        max_duration=duration_of(section, "max_duration", MAX_DURATION),
        yield_after=duration_of(section, "yield_after", YIELD_AFTER),
    )


def duration_of(section: Section, key: str, default: timedelta) -> timedelta:
    """Return the duration under a key, or the default."""
    text = section.text(key)
    return default if text is None else parse_duration(text.value)


def _url(section: Section, key: str, secrets: SecretReader, folder: Path) -> Secret | None:
    written = section.text(key)
    secret = None if written is None else secrets.read(written, folder)
    # Without its value (`--without-secrets`) there is nothing to look at.
    if written is not None and secret is not None and secret.reveal():
        try:
            default_database(secret.reveal())
        except ConnectionStringError as error:
            secrets.log.report(
                written.place,
                f"the value of {quoted(key)} {error}",
                "such as `postgresql://user@host/database`",
            )
            return None
    return secret


def _default_databases(
    url: Secret, place: Place, secrets: SecretReader
) -> tuple[DatabaseName, ...]:
    if not url.reveal():
        return ()
    database = default_database(url.reveal())
    if database is None:
        secrets.log.report(
            place, "the url names neither a database nor a user", "add `databases: [name]`"
        )
        return ()
    return (DatabaseName(database),)
