"""The errors of JSON Schema in words for people: what is wrong, what is allowed, what was meant."""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from jsonschema import ValidationError

from orchestrator.policy.problems import did_you_mean, quoted

KINDS = {
    "string": "text",
    "integer": "a whole number",
    "boolean": "`true` or `false`",
    "object": "a mapping of keys to values",
    "array": "a list",
}


class Words(NamedTuple):
    """A message and its hint."""

    message: str
    hint: str = ""


def describe(error: ValidationError) -> Words:
    """Say what is wrong with one value; the values of secrets are not shown."""
    label = _label(list(error.absolute_path))
    if "propertyNames" in error.absolute_schema_path:
        return Words(f"{quoted(str(error.instance))} cannot be a name here", _required_form(error))
    writer = _WRITERS.get(str(error.validator), _other)
    return writer(label, error)


def unknown_key(key: str, known: Mapping[str, Any]) -> Words:
    """Say that a key does not exist, and which do."""
    return Words(f"unknown key {quoted(key)}", did_you_mean(key, known, nothing=""))


def missing_key(key: str, path: list[str | int], examples: list[object]) -> Words:
    """Say that a key has to be there."""
    hint = f"such as {quoted(f'{key}: {examples[0]}')}" if _is_simple(examples[:1]) else ""
    return Words(f"{_label(path)} needs {quoted(key)}", hint)


def _label(path: list[str | int]) -> str:
    match path:
        case []:
            return "the file"
        case [*before, int() as index]:
            return f"item {index + 1} of {_label(before)}"
        case _:
            return quoted(str(path[-1]))


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, Mapping) else {}


def _expected(error: ValidationError) -> str:
    schema = _schema(error)
    return str(schema.get("title") or KINDS.get(str(schema.get("type")), "something else"))


def _required_form(error: ValidationError) -> str:
    return f"it must be {_expected(error)}"


def _found(error: ValidationError) -> str:
    match error.instance:
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case value if _schema(error).get("writeOnly"):
            return "text" if isinstance(value, str) else "a number or a truth value"
        case bool() as value:
            return quoted(str(value).lower())
        case str() as text:
            return f"the text {quoted(text)}"
        case value:
            return f"the number {quoted(str(value))}"


def _wrong_type(label: str, error: ValidationError) -> Words:
    if error.instance is None:
        return Words(f"{label} is empty, and must be {_expected(error)}", _such_as(error))
    hint = _such_as(error)
    if _schema(error).get("type") == "string" and not isinstance(error.instance, (dict, list)):
        hint = hint or "quote it"
    return Words(f"{label} must be {_expected(error)}, not {_found(error)}", hint)


def _wrong_form(label: str, error: ValidationError) -> Words:
    text = str(error.instance)
    months = f"{text}o"
    if re.fullmatch(r"[0-9]+m", text) and re.search(str(error.validator_value), months):
        hint = f"`m` is minutes and could be taken for months here: write {quoted(months)}"
    else:
        hint = _such_as(error)
    return Words(f"{label} must be {_expected(error)}, not {_found(error)}", hint)


def _such_as(error: ValidationError) -> str:
    examples = _schema(error).get("examples", [])
    return f"such as {quoted(str(examples[0]))}" if _is_simple(examples[:1]) else ""


def _is_simple(examples: list[object]) -> bool:
    return bool(examples) and isinstance(examples[0], str | int)


def _not_allowed(label: str, error: ValidationError) -> Words:
    text = str(error.instance)
    return Words(
        f"{label} cannot be {quoted(text)}",
        did_you_mean(text, [str(value) for value in _schema(error)["enum"]], nothing=""),
    )


def _not_this_version(label: str, error: ValidationError) -> Words:
    return Words(f"{label} must be {error.validator_value}, not {_found(error)}")


def _too_small(label: str, error: ValidationError) -> Words:
    return Words(f"{label} must be at least {error.validator_value}, not {error.instance}")


def _too_large(label: str, error: ValidationError) -> Words:
    return Words(f"{label} must be at most {error.validator_value}, not {error.instance}")


def _empty(label: str, _error: ValidationError) -> Words:
    return Words(f"{label} is empty", "fill it in or remove it")


def _too_long(label: str, error: ValidationError) -> Words:
    return Words(f"{label} is longer than {error.validator_value} characters")


def _repeated(label: str, error: ValidationError) -> Words:
    return Words(f"{label} stands there already: {quoted(str(error.instance))}", "remove it")


def _other(label: str, error: ValidationError) -> Words:
    return Words(f"{label} must be {_expected(error)}")


_WRITERS: Mapping[str, Callable[[str, ValidationError], Words]] = {
    "type": _wrong_type,
    "pattern": _wrong_form,
    "enum": _not_allowed,
    "const": _not_this_version,
    "minimum": _too_small,
    "maximum": _too_large,
    "minLength": _empty,
    "minItems": _empty,
    "minProperties": _empty,
    "maxLength": _too_long,
    "uniqueItems": _repeated,
}
