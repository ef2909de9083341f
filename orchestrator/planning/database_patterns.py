"""Which databases of a server a policy's patterns stand for: ``app_*``, ``tenant_??``, ``*``."""

import re
from collections.abc import Iterable, Sequence

from orchestrator.model.names import DatabaseName

_WILDCARDS = {"*": ".*", "?": "."}


def is_pattern(declared: str) -> bool:
    """Return whether a declared database is a pattern; names without `*` and `?` are names."""
    return any(wildcard in declared for wildcard in _WILDCARDS)


def match_databases(
    patterns: Sequence[str], names: Iterable[DatabaseName]
) -> tuple[DatabaseName, ...]:
    """Return those of the names that any pattern fits as a whole, case-sensitive, once, sorted."""
    compiled = [_compile(pattern) for pattern in patterns]
    return tuple(sorted({name for name in names if any(one.fullmatch(name) for one in compiled)}))


def _compile(pattern: str) -> re.Pattern[str]:
    parts = (_WILDCARDS.get(part, re.escape(part)) for part in re.split(r"([*?])", pattern))
    return re.compile("".join(parts), re.DOTALL)
