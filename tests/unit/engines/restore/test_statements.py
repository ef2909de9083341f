"""Statements made from recorded data: whatever it holds, it stays data."""

from dataclasses import replace

import pytest

from orchestrator.engines.postgres.restore.creating import creation_statement
from orchestrator.engines.postgres.restore.publication.database_settings import (
    comes_late,
    setting_statement,
)
from orchestrator.engines.postgres.restore.publication.grants import read_grants
from orchestrator.engines.postgres.restore.schema.attempts import split_grants
from orchestrator.errors import RestoreError
from orchestrator.model.contents import DatabaseProperties, DatabaseSetting

LIBC = DatabaseProperties(
    name="app", owner="o", encoding="UTF8", locale_provider="libc", collate="en_GB.UTF-8",
    ctype="C", locale=None, icu_rules=None, collation_version=None, tablespace="pg_default",
    acl=None, connection_limit=-1, comment=None, settings=(),
)  # fmt: skip
ICU = replace(LIBC, locale_provider="icu", locale="de-x-'", icu_rules="&a < b")


def test_a_database_gets_encoding_and_both_locales():
    assert creation_statement('a"b', LIBC, version=170010) == (
        'CREATE DATABASE "a""b" WITH TEMPLATE = template0 ENCODING = \'UTF8\' LC_COLLATE = '
        "'en_GB.UTF-8' LC_CTYPE = 'C' ALLOW_CONNECTIONS = false LOCALE_PROVIDER = libc"
    )


def test_the_oldest_server_is_not_asked_for_a_provider_it_does_not_know():
    assert "LOCALE_PROVIDER" not in creation_statement("a", LIBC, version=140020)


def test_icu_locale_and_rules_are_kept():
    statement = creation_statement("a", ICU, version=160001)
    assert statement.endswith("LOCALE_PROVIDER = icu ICU_LOCALE = 'de-x-''' ICU_RULES = '&a < b'")


@pytest.mark.parametrize(
    ("properties", "version"),
    [(ICU, 140020), (replace(LIBC, locale_provider="builtin", locale="C"), 160001)],
    ids=["icu on 14", "builtin on 16"],
)
def test_a_provider_that_the_server_is_too_old_for_is_refused(
    properties: DatabaseProperties, version: int
):
    with pytest.raises(RestoreError, match=properties.locale_provider):
        creation_statement("a", properties, version=version)


@pytest.mark.parametrize(
    ("role", "setting", "statement"),
    [
        (None, "work_mem=8MB", """DATABASE "d" SET "work_mem" TO '8MB'"""),
        (None, "app.x=a=b'c", """DATABASE "d" SET "app"."x" TO 'a=b''c'"""),
        ('r"', "TimeZone=UTC", """ROLE "r\"\"" IN DATABASE "d" SET "TimeZone" TO 'UTC'"""),
        (None, 'search_path=a, "$user", "b,""c"', """DATABASE "d" SET "search_path" TO 'a', '$user', 'b,"c'"""),
        (None, 'search_path=""', """DATABASE "d" SET "search_path" TO ''"""),
    ],
    ids=["plain", "of an application", "of a role", "list", "empty list"],
)  # fmt: skip
def test_a_setting_is_written_as_the_server_reads_it(
    role: str | None, setting: str, statement: str
):
    recorded = DatabaseSetting(role=role, setting=setting)
    assert setting_statement("d", recorded) == f"ALTER {statement}"


def test_settings_that_could_lock_us_out_come_late():
    late = ["session_preload_libraries=x", "role=r", "session_replication_role=replica"]
    assert all(comes_late(DatabaseSetting(role=None, setting=text)) for text in late)
    assert comes_late(DatabaseSetting(role="r", setting="work_mem=1MB"))
    assert not comes_late(DatabaseSetting(role=None, setting="work_mem=1MB"))


def test_grants_are_read_from_their_text():
    acl = ("=Tc/o", "plain=C*c/o", '"we ""=ird/"=r/"o x"')
    assert [(g.role, g.privilege, g.grantable) for g in read_grants(acl)] == [
        (None, "TEMPORARY", False),
        (None, "CONNECT", False),
        ("plain", "CREATE", True),
        ("plain", "CONNECT", False),
        ('we "=ird/', "SELECT", False),
    ]


@pytest.mark.parametrize("item", ["", "nothing", "a=z/o", 'a"=r/o'])
def test_what_is_no_grant_is_refused(item: str):
    with pytest.raises(ValueError, match=r"privilege|not an access"):
        list(read_grants([item]))


def test_grants_are_split_outside_of_quoted_names_only():
    definition = b'GRANT ALL ON TABLE "x"";\nDROP TABLE y;\n""" TO a;\nGRANT SELECT ON t TO b;\n'
    assert split_grants(definition) == [
        b'GRANT ALL ON TABLE "x"";\nDROP TABLE y;\n""" TO a',
        b"GRANT SELECT ON t TO b",
    ]
