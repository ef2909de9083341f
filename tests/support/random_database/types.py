"""Types, functions, operators and other definitions that tables may use."""

from tests.support.random_database.script import Script
from tests.support.random_database.values import KINDS, Kind

EXTENSIONS = {
    "hstore": Kind("{s}.hstore", "('k=>' || i || ',n=>NULL')::{s}.hstore", keyed=False),
    "citext": Kind("{s}.citext", "('Mixed ' || i)::{s}.citext"),
    "ltree": Kind("{s}.ltree", "('a.b' || i || '.c')::{s}.ltree"),
    "cube": Kind("{s}.cube", "{s}.cube(i::float8, 1.5)", keyed=False),
    "isn": Kind("{s}.issn", "'1436-4522'::{s}.issn", keyed=False),
    "seg": Kind("{s}.seg", "('1 .. ' || i + 1)::{s}.seg", keyed=False),
}


def write_schemas(script: Script) -> None:
    for _ in range(script.rng.randint(0, 3)):
        name = script.names.draw("schema")
        script.add(f"CREATE SCHEMA {name}")
        script.schemas.append(name)
        script.describe(f"SCHEMA {name}")
        script.give(f"SCHEMA {name}", "USAGE, CREATE")
    if script.chance(0.4):
        extension = script.rng.choice(sorted(EXTENSIONS))
        schema, kind = script.rng.choice(script.schemas), EXTENSIONS[extension]
        script.add(f"CREATE EXTENSION {extension} SCHEMA {schema}")
        made = (text.replace("{s}", schema) for text in (kind.type, kind.value))
        script.kinds.append(Kind(*made, keyed=kind.keyed))


def write_types(script: Script) -> None:
    for write in (_enum, _composite, _domain, _range):
        for _ in range(script.rng.randint(0, 2)):
            write(script)


def _enum(script: Script) -> None:
    name, labels = script.new("enum"), ["'a'", "'it''s'", "E'\\\\ü\"'", "'with space'"]
    script.add(f"CREATE TYPE {name} AS ENUM ({', '.join(labels)})")
    if script.chance(0.3):
        script.add(f"ALTER TYPE {name} ADD VALUE 'in between' BEFORE 'a'")
    value = f"(array[{', '.join(labels)}]::{name}[])[i % 4 + 1]"
    script.kinds += [Kind(name, value), Kind(f"{name}[]", f"array[{value}, NULL]")]
    script.describe(f"TYPE {name}")
    script.give(f"TYPE {name}", "USAGE")


def _composite(script: Script) -> None:
    name, inner = script.new("pair"), script.rng.choice(KINDS[:20])
    script.add(f'CREATE TYPE {name} AS (a {inner.type}, "b c" text)')
    value = f"ROW({inner.value}, E'a,\"b\\\\(')::{name}"
    script.kinds += [
        Kind(name, value, keyed=False),
        Kind(f"{name}[]", f"array[{value}]", keyed=False),
    ]
    script.give(f"TYPE {name}", "USAGE")


def _domain(script: Script) -> None:
    name = script.new("domain")
    rule = script.rng.choice(
        ("", " NOT NULL", " DEFAULT 5", f" CONSTRAINT {script.names.draw('c')}")
    )
    check = " CHECK (value > 0)" if rule.startswith(" CONSTRAINT") or script.chance(0.5) else ""
    script.add(f"CREATE DOMAIN {name} AS integer{rule}{check}")
    script.kinds.append(Kind(name, "i"))
    script.describe(f"DOMAIN {name}")
    script.give(f"TYPE {name}", "USAGE")


def _range(script: Script) -> None:
    name = script.new("range")
    script.add(f"CREATE TYPE {name} AS RANGE (subtype = numeric)")
    script.kinds.append(Kind(name, f"{name}(i, i + 1.5, '(]')"))


def write_functions(script: Script) -> None:
    for _ in range(script.rng.randint(1, 3)):
        name = script.new("function")
        volatile = script.rng.choice(("IMMUTABLE", "IMMUTABLE STRICT PARALLEL SAFE"))
        body = script.rng.choice(
            (
                "LANGUAGE sql AS 'SELECT coalesce($1, 0) + 1'",
                "LANGUAGE plpgsql AS $f$ BEGIN RETURN coalesce($1, 0) + 2; -- $x$ \\ '\nEND $f$",
                "LANGUAGE sql RETURN $1 * 2",
            )
        )
        script.add(f"CREATE FUNCTION {name}(integer) RETURNS integer {volatile} {body}")
        script.functions.append(name)
        script.describe(f"FUNCTION {name}(integer)")
        script.give(f"FUNCTION {name}(integer)", "EXECUTE")
    trigger = script.new("noted")
    script.add(
        f"CREATE FUNCTION {trigger}() RETURNS trigger LANGUAGE plpgsql"
        " AS $$BEGIN RETURN coalesce(new, old); END$$"
    )
    script.trigger_functions.append(trigger)
    for write in (_procedure, _aggregate, _operator, _cast, _search, _collation, _variadic):
        if script.rarely(0.3):
            write(script)


def _procedure(script: Script) -> None:
    name = script.new("procedure")
    script.add(
        f"CREATE PROCEDURE {name}(INOUT x int DEFAULT 3, y text DEFAULT E'it''s') LANGUAGE plpgsql"
        " SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'BEGIN x := 1; END'"
    )
    script.give(f"PROCEDURE {name}(int, text)", "EXECUTE")


def _aggregate(script: Script) -> None:
    name = script.new("aggregate")
    script.add(f"CREATE AGGREGATE {name}(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0')")
    script.describe(f"AGGREGATE {name}(int)")


def _operator(script: Script) -> None:
    schema, function = script.rng.choice(script.schemas), script.new("same")
    script.add(
        f"CREATE FUNCTION {function}(point, point) RETURNS boolean LANGUAGE sql IMMUTABLE"
        " AS 'SELECT $1 ~= $2'",
        f"CREATE OPERATOR {schema}.=== (LEFTARG = point, RIGHTARG = point, FUNCTION = {function},"
        " COMMUTATOR = OPERATOR(" + schema + ".===))",
    )
    family = script.new("family")
    script.add(f"CREATE OPERATOR FAMILY {family} USING btree")


def _cast(script: Script) -> None:
    made, function = script.new("castable"), script.new("to_text")
    script.add(
        f"CREATE TYPE {made} AS (v int)",
        f"CREATE FUNCTION {function}({made}) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1'",
        f"CREATE CAST ({made} AS integer) WITH FUNCTION {function}({made}) AS ASSIGNMENT",
    )


def _search(script: Script) -> None:
    dictionary, configuration = script.new("dictionary"), script.new("search")
    script.add(
        f"CREATE TEXT SEARCH DICTIONARY {dictionary} (TEMPLATE = simple, STOPWORDS = english)",
        f"CREATE TEXT SEARCH CONFIGURATION {configuration} (COPY = simple)",
        f"ALTER TEXT SEARCH CONFIGURATION {configuration} ALTER MAPPING FOR word WITH {dictionary}",
    )


def _collation(script: Script) -> None:
    name = script.new("collation")
    script.add(f"CREATE COLLATION {name} (provider = libc, locale = 'C')")
    script.kinds.append(Kind(f"text COLLATE {name}", "'c' || i"))


def _variadic(script: Script) -> None:
    name = script.new("all_of")
    script.add(
        f"CREATE FUNCTION {name}(a text, VARIADIC rest int[] DEFAULT '{{}}', OUT n int,"
        " OUT \"o u\" text) LANGUAGE sql AS $$SELECT 1, 'x'$$"
    )
