"""What guards found, thing by thing, so that a loss that grows is told again. Pure.

A reason names its tables and how many rows there are. The numbers change with every backup that
compares with the same good one; the tables, and what is wrong with them, do not. Where that cannot
be told it counts as something new: a message too many is better than one too few.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime

from orchestrator.model.backup import Backup

Found = tuple[tuple[str, datetime], ...]

_LISTED = re.compile(
    r"(?P<kind>\w[\w ]*?) (?:since|than in) .*?(?:table|\d+ tables:) (?P<names>.*?)"
    r"(?: and (?P<further>\d+) more)?"
)
_OF_ONE = re.compile(r"table (?P<name>\S+) .*")
_WITH_DIGIT = re.compile(r"\S*\d\S*")


def list_found(waiting: Iterable[Backup]) -> Found:
    """Given a series' suspicious backups, oldest first, return what the newest lacks.

    Each thing comes with the time at which the first of them was found to lack it.
    """
    first: dict[str, datetime] = {}
    newest: list[str] = []
    for backup in waiting:
        if backup.suspicion is not None:
            newest = [thing for reason in backup.suspicion.reasons for thing in _things_in(reason)]
            for thing in newest:
                first.setdefault(thing, backup.suspicion.at)
    return tuple((thing, first[thing]) for thing in dict.fromkeys(newest))


def _things_in(reason: str) -> Iterator[str]:
    if listed := _LISTED.fullmatch(reason):
        kind = listed["kind"]
        yield from (f"{kind}: {name}" for name in listed["names"].split(", "))
        # Of names that are not shown the number is known: more of them are something new.
        yield from (
            f"{kind}: {number} more" for number in range(1, int(listed["further"] or 0) + 1)
        )
    elif of_one := _OF_ONE.fullmatch(reason):
        yield f"rows of {of_one['name']}"
    else:
        yield " ".join(_WITH_DIGIT.sub("", reason.partition(":")[0]).split())
