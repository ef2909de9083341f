"""Roles that the target lacks, made from the details: `globals.sql` can only be read by psql."""

from collections.abc import Sequence

from orchestrator.engines.postgres.identifiers import quote_identifier
from orchestrator.engines.postgres.restore.schema.attempts import Attempts
from orchestrator.model.contents import Role

_PRESENT = "SELECT r.rolname FROM pg_catalog.pg_roles r"


def create_missing_roles(attempts: Attempts, roles: Sequence[Role]) -> list[str]:
    """Make the roles that do not exist, and return what was made in words.

    Nobody can log in as one of them, and none may do anything of its own: neither password nor
    attributes come along, nor memberships in roles that were there before, which would give what
    somebody here has not given. What the server refuses is in ``attempts``.
    """
    present = {str(name) for (name,) in attempts.connection.execute(_PRESENT.encode())}
    missing = [role for role in roles if role.name not in present]
    made = [role for role in missing if _is_made(attempts, role)]
    names = {role.name for role in made}
    return [_joined(attempts, role, names) for role in made]


def _is_made(attempts: Attempts, role: Role) -> bool:
    inherits = "INHERIT" if role.attributes.get("inherit", True) else "NOINHERIT"
    statement = f"CREATE ROLE {quote_identifier(role.name)} NOLOGIN {inherits}"
    return attempts.run(statement, kind="ROLE", name=role.name)


def _joined(attempts: Attempts, role: Role, made: set[str]) -> str:
    """Make a role that was made a member of others that were; return what is to be said."""
    for above in role.member_of:
        if above in made:
            statement = f"GRANT {quote_identifier(above)} TO {quote_identifier(role.name)}"
            attempts.run(statement, kind="ROLE", name=f"{role.name} as a member of {above}")
    lacking = ", ".join(repr(above) for above in role.member_of if above not in made)
    alone = f"; it is not a member of {lacking}, as it was" if lacking else ""
    return f"made the role {role.name!r}, which cannot log in and has no password{alone}"
