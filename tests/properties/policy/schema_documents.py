"""Documents that a JSON Schema allows, for the few keywords that our schema uses."""

from typing import Any

from hypothesis import strategies as st

CRON_LIKE = st.sampled_from(
    ["0 2 * * *", "0 */6 * * *", "x", "0 0 30 2 *", "@daily", "1 2 3 4 5 6"]
)
NAMES = st.sampled_from(["local", "ops", "practice", "other"])
WORDS = st.sampled_from(
    ["UTC", "Europe/London", "nowhere", "${env:DATABASE_URL}", "file:x", "s3://b"]
)


def documents_of(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Documents that are valid under the schema."""
    return _of(schema, schema["$defs"])


def _of(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        schema = {**definitions[schema["$ref"].removeprefix("#/$defs/")], **schema}
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "const" in schema:
        return st.just(schema["const"])
    return _BUILDERS[schema["type"]](schema, definitions)


def _object(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "propertyNames" in schema:
        values = _of(schema["additionalProperties"], definitions)
        return st.dictionaries(NAMES, values, min_size=schema.get("minProperties", 0), max_size=2)
    keys = {key: _of(value, definitions) for key, value in schema["properties"].items()}
    required = schema.get("required", [])
    if schema.get("minProperties"):
        required = [*required, next(iter(keys))]
    return st.fixed_dictionaries(
        {key: keys[key] for key in required},
        optional={key: value for key, value in keys.items() if key not in required},
    )


def _array(schema: dict[str, Any], definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    items, least = _of(schema["items"], definitions), schema.get("minItems", 0)
    return st.lists(items, min_size=least, max_size=2, unique=bool(schema.get("uniqueItems")))


def _string(schema: dict[str, Any], _definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "cron" in str(schema.get("title")):
        return CRON_LIKE
    if "pattern" in schema:
        return NAMES if schema["pattern"].startswith("^[A-Z") else _matching(schema["pattern"])
    longest = min(schema.get("maxLength", 40), 40)
    return WORDS | st.text(min_size=schema.get("minLength", 0), max_size=longest)


def _matching(pattern: str) -> st.SearchStrategy[str]:
    return st.from_regex(pattern.replace("$", r"\Z"), fullmatch=True).filter(
        lambda text: len(text) < 100
    )


def _integer(schema: dict[str, Any], _definitions: dict[str, Any]) -> st.SearchStrategy[Any]:
    return st.integers(schema.get("minimum", -9), schema.get("maximum", 99))


_BUILDERS = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "boolean": lambda *_: st.booleans(),
}
