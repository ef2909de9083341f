"""A policy as one canonical text, without any secret: what the catalog remembers of the last apply.

Every field of the model goes into it by itself, so that one that is added later does, too. Of a
secret only its reference is there (``${env:DATABASE_URL}``): that another value stands behind the
same reference cannot be told from it, on purpose.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from enum import Enum
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from orchestrator.model.contents import TableName
from orchestrator.model.names import DestinationName
from orchestrator.model.policy import (
    CalendarUnit,
    DesiredState,
    Destination,
    Policy,
    Retention,
    Source,
    Tier,
    Window,
)
from orchestrator.model.secret import Secret
from orchestrator.model.verification import Level

DOCUMENT_VERSION = 1
UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
LEFT_OUT = frozenset({"name", "renamed_from"})
FOUND_LATER = frozenset({"patterns", "found"})
WINDOW = re.compile(r"([1-9][0-9]*)([a-z]+)")

Document = Mapping[str, object]
"""What `json.loads` gives for the text."""


def write_document(policy: Policy, desired: DesiredState) -> str:
    """Return a policy with the destinations that it names as text; equal policies, equal texts."""
    plain = {
        **{key: value for key, value in _record(policy).items() if key not in LEFT_OUT},
        "source": _source(policy.source),
        "schedules": _by_name((one.name, _record(one, but="name")) for one in policy.schedules),
        "guards": _by_name((str(one.table), _record(one, but="table")) for one in policy.guards),
        "alerts": _by_name((one.to, _record(one, but="to")) for one in policy.alerts),
        "destinations": _by_name(
            (name, _destination(name, desired.destinations.get(name)))
            for name in policy.destinations
        ),
    }
    return json.dumps({"version": DOCUMENT_VERSION, "policy": plain})


def read_document(text: str) -> Document | None:
    """Return the policy in a text, or None if another version of this program wrote it."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("version") != DOCUMENT_VERSION:
        return None
    policy = document.get("policy")
    return policy if isinstance(policy, dict) else None


def section(document: Document, key: str) -> Document:
    """Return the mapping under a key; an empty one where there is none."""
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def retention_of(document: Document) -> Retention | None:
    """Return the tiers and `min_keep` of a document, or None if it has no such rules."""
    written = section(document, "retention")
    min_keep = written.get("min_keep")
    if not isinstance(min_keep, int):
        return None
    try:
        tiers = {
            Tier(name): _window(str(window)) for name, window in section(written, "tiers").items()
        }
    except (ValueError, KeyError):
        return None
    return Retention(
        tiers={tier: tiers[tier] for tier in Tier if tier in tiers},
        min_keep=min_keep,
        prune_delay=timedelta(0),
    )


def say_rules(document: Document) -> str:
    """``daily 30d, monthly 1y, min_keep 3``: the rules of retention in a document, in words."""
    written = section(document, "retention")
    tiers = section(written, "tiers")
    named = [f"{tier.value} {tiers[tier.value]}" for tier in Tier if tier.value in tiers]
    return ", ".join([*named, f"min_keep {written.get('min_keep')}"])


def _window(text: str) -> Window:
    found = WINDOW.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return Window(int(found[1]), CalendarUnit(found[2]))


def _record(value: object, *, but: str = "") -> dict[str, object]:
    if not is_dataclass(value):
        raise TypeError(type(value))
    return {
        field.name: _plain(getattr(value, field.name))
        for field in fields(value)
        if field.name != but
    }


def _plain(value: object) -> object:
    match value:
        case Level():
            return value.label
        case Secret():
            return value.origin
        case timedelta():
            return _duration(value)
        case ZoneInfo() | Window() | TableName():
            return str(value)
        case Mapping():
            return _by_name((str(_plain(key)), _plain(item)) for key, item in value.items())
        case _:
            return _plain_of_basics(value)


def _plain_of_basics(value: object) -> object:
    match value:
        case Enum():
            return value.value
        case frozenset():
            return sorted(str(_plain(item)) for item in value)
        case tuple():
            return [_plain(item) for item in value]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return _record(value)


def _source(source: Source) -> object:
    """Return a source as it was declared: what its patterns stand for is no change of the policy."""
    declared = [name for name in source.databases if name not in source.found.names]
    record = {key: value for key, value in _record(source).items() if key not in FOUND_LATER}
    return {**record, "databases": [*declared, *source.patterns]}


def _by_name(items: Iterable[tuple[str, object]]) -> Mapping[str, object]:
    """Sort items by names, which need not differ: ``ops``, ``ops (2)``."""
    named: dict[str, object] = {}
    for name, item in items:
        taken = sum(known.split(" (")[0] == name for known in named)
        named[f"{name} ({taken + 1})" if taken else name] = item
    return dict(sorted(named.items()))


def _destination(name: DestinationName, destination: Destination | None) -> object:
    if destination is None:
        return {"url": str(name)}
    return {**_record(destination, but="name"), "url": _without_secrets(destination.url)}


def _without_secrets(url: str) -> str:
    """Return a URL without user, password, query and fragment, any of which may carry a key."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _duration(duration: timedelta) -> str:
    seconds = int(duration.total_seconds())
    unit = next(unit for unit, size in UNITS.items() if seconds % size == 0)
    return f"{seconds // UNITS[unit]}{unit}"
