"""Grants as data: aclitem text (``role=r*w/grantor``) read, and made into GRANT statements."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.engines.postgres.identifiers import quote_identifier

# Names are quoted when they have anything but letters, digits and underscores.
_NAME = r'"(?:[^"]|"")*"|[^"=]*'
_ITEM = re.compile(rf"(?P<grantee>{_NAME})=(?P<letters>[A-Za-z*]*)/(?P<grantor>.*)", re.DOTALL)

_PRIVILEGES = {
    "r": "SELECT",
    "w": "UPDATE",
    "c": "CONNECT",
    "C": "CREATE",
    "T": "TEMPORARY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One privilege of one role; ``role`` None is PUBLIC.

    ``grantor`` is who granted it at the source; in a restore, whoever restores does.
    """

    role: str | None
    privilege: str
    grantable: bool
    grantor: str | None = None

    def statement(self, target: str) -> str:
        """Return the GRANT on ``target``, such as ``DATABASE "x"``."""
        role = "PUBLIC" if self.role is None else quote_identifier(self.role)
        option = " WITH GRANT OPTION" if self.grantable else ""
        return f"GRANT {self.privilege} ON {target} TO {role}{option}"


def read_grants(acl: Iterable[str]) -> Iterator[Grant]:
    """Given aclitem texts of a database or large object, yield what each grants.

    Raises:
        ValueError: a text is no such item, or has a privilege that these objects do not have.
    """
    for item in acl:
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"{item!r} is not an access control item")
        for letter, star in re.findall(r"([A-Za-z])(\*?)", match["letters"]):
            if letter not in _PRIVILEGES:
                raise ValueError(f"{item!r} holds a privilege that is not known")
            yield Grant(
                role=_unquoted(match["grantee"]),
                privilege=_PRIVILEGES[letter],
                grantable=star == "*",
                grantor=_unquoted(match["grantor"]),
            )


def taken_from_owner(grants: Iterable[Grant], owner: str, privileges: Iterable[str]) -> list[str]:
    """Return which of an object's ``privileges`` its owner had given away at the source.

    None if ``owner`` granted nothing there: then it is another one's object now.
    """
    listed = list(grants)
    if owner not in {grant.grantor for grant in listed}:
        return []
    held = {grant.privilege for grant in listed if grant.role == owner}
    return [privilege for privilege in privileges if privilege not in held]


def _unquoted(grantee: str) -> str | None:
    if grantee.startswith('"'):
        return grantee[1:-1].replace('""', '"')
    return grantee or None
