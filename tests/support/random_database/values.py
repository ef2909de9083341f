"""Types of columns, and for each an expression over ``i`` that makes its values."""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """A type and how to fill it; ``keyed`` types have a btree order and equality."""

    type: str
    value: str
    keyed: bool = True


_TEXT = (
    r"(array['', 'plain', E'tab\tnew\nline\r', E'\\.', E'\\N', 'NULL', E'\b\f\v', 'ä☃𝄞', '\"q\"',"
    r" repeat(E'x\\', 40)])[i % 10 + 1] || i"
)

KINDS = (
    Kind("smallint", "(i - 50)::int2"),
    Kind("integer", "i * 7919 - 100000"),
    Kind("bigint", "9223372036854775807 - i"),
    Kind("numeric", "i / 7::numeric * power(10::numeric, i % 40)"),
    Kind("numeric(12,3)", "i / 3::numeric"),
    Kind("real", "(array['NaN', 'Infinity', '-0', '1e-37', '3.4028235e38'])[i % 5 + 1]::real"),
    Kind("double precision", "(array['NaN', '-Infinity', '-0', '5e-324'])[i % 4 + 1]::float8 + i"),
    Kind("money", "(i * 1.01)::numeric::money"),
    Kind("text", _TEXT),
    Kind("character varying(200)", _TEXT),
    Kind("character(9)", "'c' || i"),
    Kind('"char"', 'chr(i % 90 + 33)::"char"'),
    Kind("name", "'n' || i"),
    Kind("bytea", "decode(md5(i::text), 'hex') || '\\x000a5c00'::bytea"),
    Kind("date", "(array['infinity', '-infinity', '4713-01-01 BC'])[i % 3 + 1]::date"),
    Kind("date", "date '2000-02-29' + i"),
    Kind("time", "time '23:59:59.999999' - i * interval '1 s'"),
    Kind("time with time zone", "('12:00:00.' || i || '+' || i % 14)::timetz"),
    Kind("timestamp", "timestamp '2026-10-25 01:30' + i * interval '7 min'"),
    Kind("timestamp with time zone", "timestamptz '2026-03-29 00:59:59.5Z' + i * interval '1 h'"),
    Kind("interval", "i * interval '1 mon 2 days 03:04:05.6' - interval '400 h'"),
    Kind("boolean", "i % 2 = 0"),
    Kind("point", "point(i, 1e300 / i)", keyed=False),
    Kind("line", "line(point(i, 0), point(0, i))", keyed=False),
    Kind("lseg", "lseg(point(i, 0), point(0, i))", keyed=False),
    Kind("box", "box(point(i, 0), point(0, i))", keyed=False),
    Kind("path", "path(polygon(5, circle(point(i, i), i)))", keyed=False),
    Kind("polygon", "polygon(4, circle(point(i, i), i))", keyed=False),
    Kind("circle", "circle(point(i, -i), i)", keyed=False),
    Kind("inet", "inet '10.1.2.0/24' + i"),
    Kind("cidr", "cidr '2001:db8::/32'"),
    Kind("macaddr", "macaddr '08:00:2b:01:02:03'"),
    Kind("macaddr8", "macaddr8 '08:00:2b:01:02:03:04:05'"),
    Kind("bit(5)", "(i % 32)::bit(5)"),
    Kind("bit varying", "i::bit(20)::varbit"),
    Kind("tsvector", "to_tsvector('english', 'the fat cats ''ate'' rats ' || i)"),
    Kind("tsquery", "to_tsquery('simple', 'fat & !rat' || i || ':*')"),
    Kind("uuid", "md5(i::text)::uuid"),
    Kind("json", "json_build_object('k\"' || i, array[i, NULL], 'b', E'\\\\\\n')", keyed=False),
    Kind("jsonb", "jsonb_build_object('k', i, 'deep', jsonb_build_array(1e40, 'ä', NULL))"),
    Kind("jsonpath", "'$.a[*] ? (@ > 1)'::jsonpath", keyed=False),
    Kind("integer[]", "array[[i, NULL], [2, 3]]"),
    Kind("text[]", "array['a,b', '\"', E'\\\\', NULL, '', 'NULL', '{' || i || '}']"),
    Kind("int4range", "int4range(i, i + 5)"),
    Kind("tstzrange", "tstzrange(NULL, timestamptz '2026-01-01Z' + i * interval '1 day', '[]')"),
    Kind("datemultirange", "datemultirange(daterange('2026-01-01', '2026-02-01'))"),
    Kind("pg_lsn", "'16/B374D848'::pg_lsn + i"),
    Kind("oid", "i::oid"),
    Kind("regclass", "'pg_catalog.pg_class'::regclass"),
    Kind("regtype", "'integer[]'::regtype"),
    Kind("xid8", "i::text::xid8"),
    Kind("pg_snapshot", "'10:20:10,14,15'::pg_snapshot", keyed=False),
)


def some_kind(rng: random.Random, extra: list[Kind]) -> Kind:
    """Return a kind; those that the database itself defines are as likely as all others together."""
    return rng.choice(extra) if extra and rng.random() < 0.3 else rng.choice(KINDS)
