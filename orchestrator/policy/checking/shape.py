"""Does a document have the shape of the JSON Schema?

The validator is jsonschema's, with three changes: a whole number must be written as one (JSON
Schema takes ``3.0`` for one), the ``$`` of a pattern means the very end, and repeated items are
found in one pass, each at its place (the library compares all pairs).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

from jsonschema import Draft202012Validator, TypeChecker, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from orchestrator.policy.checking.shape_messages import describe, missing_key, unknown_key
from orchestrator.policy.problems import ProblemLog, closest
from orchestrator.policy.reading.nodes import (
    BrokenNode,
    MapNode,
    Node,
    Path,
    descend,
    key_place_of,
    place_of,
    plain,
)
from orchestrator.schemas import schema_text

MOST_ERRORS = 1000
MOST_UNKNOWN_KEYS = 100
"""Of one file and of one mapping: a hostile file must not keep us busy for minutes."""


def find_shape_problems(root: Node, log: ProblemLog) -> Iterator[Path]:
    """Report what the schema does not allow, and yield the paths of the values at fault.

    Values that are broken already are not reported again, and a key that is missing because it is
    misspelt is one problem, not two.
    """
    errors = list(islice(_iterate_errors(plain(root)), MOST_ERRORS))
    if len(errors) == MOST_ERRORS:
        log.report(root.place, f"there are {MOST_ERRORS} problems and more; not all are shown")
    # One value can offend several keywords of the schema: the first says enough.
    seen: set[tuple[Path, str]] = set()
    for error in errors:
        path = tuple(error.absolute_path)
        subject = _subject(error)
        nodes = list(descend(root, path))
        if (path, subject) in seen or any(isinstance(node, BrokenNode) for node in nodes):
            continue
        seen.add((path, subject))
        yield from _report(error, path, root, log)


def _subject(error: ValidationError) -> str:
    if "propertyNames" in error.absolute_schema_path:
        return f"name {error.instance}"
    return str(error.validator) if error.validator in {"required", "additionalProperties"} else ""


def _report(error: ValidationError, path: Path, root: Node, log: ProblemLog) -> Iterator[Path]:
    *_, node = descend(root, path)
    if "propertyNames" in error.absolute_schema_path:
        log.report(key_place_of(root, (*path, str(error.instance))), *describe(error))
    elif error.validator == "additionalProperties":
        yield from _report_unknown_keys(error, path, root, log)
    elif isinstance(node, MapNode) and not node.whole:
        return  # what is missing is probably under a key that was reported
    elif error.validator == "required":
        for key in _missing(error):
            examples = _properties(error)[key].get("examples", [])
            log.report(key_place_of(root, path), *missing_key(key, list(path), examples))
    else:
        log.report(place_of(root, path), *describe(error))
        yield path


def _report_unknown_keys(
    error: ValidationError, path: Path, root: Node, log: ProblemLog
) -> Iterator[Path]:
    unknown = _unknown(error)
    for key in unknown[:MOST_UNKNOWN_KEYS]:
        log.report(key_place_of(root, (*path, key)), *unknown_key(key, _properties(error)))
    further = unknown[MOST_UNKNOWN_KEYS:]
    if further:
        place = key_place_of(root, (*path, further[0]))
        log.report(place, f"from here on there are {len(further)} further unknown keys")
    yield from ((*path, key) for key in unknown)


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, Mapping) else {}


def _properties(error: ValidationError) -> Mapping[str, Any]:
    properties: Mapping[str, Any] = _schema(error).get("properties", {})
    return properties


def _written(error: ValidationError) -> Mapping[str, Any]:
    return error.instance if isinstance(error.instance, Mapping) else {}


def _unknown(error: ValidationError) -> list[str]:
    return [key for key in _written(error) if key not in _properties(error)]


def _missing(error: ValidationError) -> list[str]:
    unknown = _unknown(error)[:MOST_UNKNOWN_KEYS]
    meant = {closest(key, _properties(error)) for key in unknown}
    required = _schema(error).get("required", ())
    return [key for key in required if key not in _written(error) and key not in meant]


def _iterate_errors(document: Any) -> Iterator[ValidationError]:  # noqa: ANN401 anything JSON can hold
    return _validator().iter_errors(document)


@cache
def _validator() -> Validator:
    checker: TypeChecker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer)
    strict = extend(  # type: ignore[no-untyped-call]  # so in the library's stubs
        Draft202012Validator,
        validators={"pattern": _pattern, "uniqueItems": _unique_items},
        type_checker=checker,
    )
    schema = json.loads(schema_text("policy"))
    validator: Validator = strict(with_references_inlined(schema, schema["$defs"]))
    return validator


def with_references_inlined(schema: Any, definitions: Mapping[str, Any]) -> Any:  # noqa: ANN401 JSON
    """Return a schema with each ``$ref`` replaced by what it leads to, under its own keys.

    Looking references up was a third of the time that validation took, and the examples of a
    property are better hints than those of the type that it shares with others.
    """
    if isinstance(schema, list):
        return [with_references_inlined(item, definitions) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    name = schema["$ref"].removeprefix("#/$defs/") if "$ref" in schema else None
    merged = {**definitions[name], **schema} if name is not None else schema
    return {
        key: with_references_inlined(value, definitions)
        for key, value in merged.items()
        if key not in {"$ref", "$defs"}
    }


def _is_integer(_checker: TypeChecker, instance: object) -> bool:
    return isinstance(instance, int) and not isinstance(instance, bool)


def _pattern(
    _validator: Validator, pattern: str, instance: object, _schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    if isinstance(instance, str) and (
        instance.endswith("\n") or re.search(pattern, instance) is None
    ):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _unique_items(
    _validator: Validator,
    unique: object,
    instance: object,
    _schema: Mapping[str, Any],
) -> Iterator[ValidationError]:
    if not unique or not isinstance(instance, list):
        return
    seen: set[str] = set()
    for index, item in enumerate(instance):
        if isinstance(item, str):
            if item in seen:
                yield ValidationError("repeated", path=(index,), instance=item)
            seen.add(item)
