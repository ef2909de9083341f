"""Grants as data: aclitem text (``role=r*w/grantor``) read, and made into GRANT statements."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from orchestrator.engines.postgres.identifiers import quote_identifier

# The grantee is quoted when it has anything but letters, digits and underscores. Grantors are left
# out: whoever restores grants.
_ITEM = re.compile(r'(?P<grantee>"(?:[^"]|"")*"|[^"=]*)=(?P<letters>[A-Za-z*]*)/.*', re.DOTALL)

_PRIVILEGES = {
    "r": "SELECT",
    "w": "UPDATE",
    "c": "CONNECT",
    "C": "CREATE",
    "T": "TEMPORARY",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One privilege of one role; ``role`` None is PUBLIC."""

    role: str | None
    privilege: str
    grantable: bool

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
            )


def _unquoted(grantee: str) -> str | None:
    if grantee.startswith('"'):
        return grantee[1:-1].replace('""', '"')
    return grantee or None
