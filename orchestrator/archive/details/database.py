"""The part of the details that is about the server, the database as a whole, and its roles."""

from orchestrator.archive.details.wal import wal_document, wal_of
from orchestrator.archive.documents import JsonValue
from orchestrator.archive.fields import Fields
from orchestrator.model.contents import (
    DatabaseProperties,
    DatabaseSetting,
    Extension,
    Role,
    ServerIdentity,
)


def identity_document(identity: ServerIdentity) -> JsonValue:
    """Given which server and database the rows came from, return it for the details."""
    # Only where it is known: details written before this was recorded have no such field.
    wal: dict[str, JsonValue] = {} if identity.wal is None else {"wal": wal_document(identity.wal)}
    return {
        **wal,
        "system_identifier": identity.system_identifier,
        "database_oid": identity.database_oid,
        "version": identity.version,
        "version_number": identity.version_number,
        "in_recovery": identity.in_recovery,
    }


def identity_of(fields: Fields) -> ServerIdentity:
    """Read what `identity_document` returned; raises `DocumentError`."""
    return ServerIdentity(
        system_identifier=fields.text("system_identifier"),
        database_oid=fields.size("database_oid"),
        version=fields.text("version"),
        version_number=fields.size("version_number"),
        in_recovery=fields.flag("in_recovery"),
        wal=wal_of(fields.record("wal")) if "wal" in fields.names else None,
    )


def properties_document(properties: DatabaseProperties) -> JsonValue:
    """Given what no dump of a single database carries, return it for the details."""
    # Only where it is one: details written before this was recorded have no such field.
    template: dict[str, JsonValue] = {"is_template": True} if properties.is_template else {}
    return {
        **template,
        "name": properties.name,
        "owner": properties.owner,
        "encoding": properties.encoding,
        "locale_provider": properties.locale_provider,
        "collate": properties.collate,
        "ctype": properties.ctype,
        "locale": properties.locale,
        "icu_rules": properties.icu_rules,
        "collation_version": properties.collation_version,
        "tablespace": properties.tablespace,
        "acl": None if properties.acl is None else list(properties.acl),
        "connection_limit": properties.connection_limit,
        "comment": properties.comment,
        "settings": [
            {"role": setting.role, "setting": setting.setting} for setting in properties.settings
        ],
    }


def properties_of(fields: Fields) -> DatabaseProperties:
    """Read what `properties_document` returned; raises `DocumentError`."""
    return DatabaseProperties(
        name=fields.text("name"),
        owner=fields.text("owner"),
        encoding=fields.text("encoding"),
        locale_provider=fields.text("locale_provider"),
        collate=fields.text("collate"),
        ctype=fields.text("ctype"),
        locale=fields.optional_text("locale"),
        icu_rules=fields.optional_text("icu_rules"),
        collation_version=fields.optional_text("collation_version"),
        tablespace=fields.text("tablespace"),
        acl=fields.optional_texts("acl"),
        connection_limit=fields.number("connection_limit"),
        comment=fields.optional_text("comment"),
        settings=tuple(
            DatabaseSetting(role=item.optional_text("role"), setting=item.text("setting"))
            for item in fields.records("settings")
        ),
        is_template="is_template" in fields.names and fields.flag("is_template"),
    )


def extension_document(extension: Extension) -> JsonValue:
    """Given an installed extension, return it for the details."""
    return {"name": extension.name, "version": extension.version}


def extension_of(fields: Fields) -> Extension:
    """Read what `extension_document` returned; raises `DocumentError`."""
    return Extension(name=fields.text("name"), version=fields.text("version"))


def role_document(role: Role) -> JsonValue:
    """Given a role, return it for the details."""
    return {
        "name": role.name,
        "attributes": dict(role.attributes),
        "connection_limit": role.connection_limit,
        "valid_until": role.valid_until,
        "member_of": list(role.member_of),
        "settings": list(role.settings),
        "comment": role.comment,
    }


def role_of(fields: Fields) -> Role:
    """Read what `role_document` returned; raises `DocumentError`."""
    return Role(
        name=fields.text("name"),
        attributes=fields.flags("attributes"),
        connection_limit=fields.number("connection_limit"),
        valid_until=fields.optional_text("valid_until"),
        member_of=fields.texts("member_of"),
        settings=fields.texts("settings"),
        comment=fields.optional_text("comment"),
    )
