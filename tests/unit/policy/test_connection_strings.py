"""What is no connection string is refused when it is read, without showing any of it."""

import pytest

from orchestrator.policy.syntax.connection_strings import ConnectionStringError, default_database


@pytest.mark.parametrize(
    ("connection", "database"),
    [
        ("postgresql://user@host/db", "db"),
        ("postgresql://user:p%40ss%2Fword@host:5433/db?sslmode=verify-full", "db"),
        ("postgres://user@[::1]:5432/db", "db"),
        ("postgresql://user@one:5432,two:5433/db?target_session_attrs=read-write", "db"),
        ("postgresql:///db?host=/var/run/postgresql&port=5433", "db"),
        ("postgresql://user@host", "user"),
        ("host=localhost dbname='my db' user=me", "my db"),
        ("postgresql://host", None),
    ],
)
def test_what_libpq_understands_is_understood(connection: str, database: str | None):
    assert default_database(connection) == database


@pytest.mark.parametrize(
    ("connection", "complaint"),
    [
        ("postgresql://backup:CANARY/kpw@host:5432/db", "not encoded"),
        ("postgresql://backup:CANARY@ss@host/db", "not encoded"),
        ("postgresql://backup:CANARY#1@host/db", "not encoded"),
        ("postgresql://backup:CANARY 1@host/db", "not encoded"),
        ("postgresql://backup:CANARY%ck@host/db", "not encoded"),
        ("postgresql://backup:CANARY@host:5432x/db", "port"),
        ("postgresql://backup:CANARY@host:99999/db", "port"),
        ("postgresql://backup:CANARY@host/db?passwrd=x", "parameter"),
        ("mysql://backup:CANARY@host/db", "PostgreSQL"),
        ("just words CANARY", "settings"),
    ],
)
def test_what_libpq_would_misread_is_refused_without_an_echo(connection: str, complaint: str):
    with pytest.raises(ConnectionStringError, match=complaint) as caught:
        default_database(connection)
    assert "CANARY" not in str(caught.value)
