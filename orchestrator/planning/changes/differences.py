"""What differs between two documents of a policy, key by key, as a policy file names the keys."""

from collections.abc import Iterator, Mapping

from orchestrator.model.plan import Difference
from orchestrator.model.policy import Tier
from orchestrator.planning.changes.document import Document, section

FILE_KEYS = {"zstd_level": "compression.zstd", "after_backup": "verify.after_backup"}
"""Where a policy file says what the model names otherwise."""

NAMED = ("schedules", "guards", "alerts", "destinations")
"""What has names of its own, which come and go; any other key was simply unknown to an older program."""

TIERS = "tiers"


def find_differences(before: Document, after: Document) -> tuple[Difference, ...]:
    """Return every difference, in the order of the model; what only one of two programs knows is none.

    A document of an older program lacks the keys that came later: nobody changed those.
    """
    return tuple(_differences(before, after))


def _differences(before: Document, after: Document) -> Iterator[Difference]:
    for key, value in after.items():
        if key in NAMED:
            yield from _named(key, section(before, key), section(after, key))
        elif key in before:
            yield from _compare(FILE_KEYS.get(key, key), before[key], value)


def _named(key: str, before: Document, after: Document) -> Iterator[Difference]:
    for name in sorted({*before, *after}):
        path = f"{key}.{name}"
        if name not in before:
            yield Difference(key=path, before=None, after=say_value(after[name]))
        elif name not in after:
            yield Difference(key=path, before=say_value(before[name]), after=None)
        else:
            yield from _compare(path, before[name], after[name])


def _compare(path: str, before: object, after: object) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        if path.endswith(f".{TIERS}"):
            yield from _tiers(path, before, after)
        else:
            for key in (key for key in after if key in before):
                yield from _compare(f"{path}.{key}", before[key], after[key])
    elif before != after:
        yield Difference(key=path, before=_said(before), after=_said(after))


def _tiers(path: str, before: Document, after: Document) -> Iterator[Difference]:
    for name in (tier.value for tier in Tier):
        if before.get(name) != after.get(name):
            yield Difference(
                key=f"{path}.{name}", before=_said(before.get(name)), after=_said(after.get(name))
            )


def _said(value: object) -> str | None:
    return None if value is None or value == [] else say_value(value)


def say_value(value: object) -> str:
    """Return a value of a document as a policy file might have it, on one line."""
    match value:
        case None:
            return "nothing"
        case Mapping():
            said = [f"{key} {say_value(item)}" for key, item in value.items() if item is not None]
            return ", ".join(said)
        case list():
            return f"[{', '.join(map(say_value, value))}]"
        case _:
            return str(value)
