"""Functions that only work under some search_path, where a restore has to compute with them.

Every restore, that of pg_restore too, works with an empty search_path. A function whose body names
others without their schema fails there, and with it the index, CHECK constraint, generated column
or materialized view that uses it (reference/postgres.md §2, row 24). Nothing is executed to find
out: the body is read, so that what is found may fail, and what builds names at run time is not
found. Functions that a named function calls in turn are not looked into.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.engines.postgres.backup.tables.relations import Connection
from orchestrator.engines.postgres.identifiers import quote_identifier

# From what is computed at a restore, over operators and views, to functions whose body is a text.
_USED = """
WITH RECURSIVE reached(what, classid, objid) AS (
  SELECT 'index ' || n.nspname || '.' || c.relname, 'pg_catalog.pg_class'::regclass::oid, c.oid
    FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
  UNION SELECT 'constraint ' || k.conname || ' of ' || n.nspname || '.'
         || coalesce(c.relname, t.typname), 'pg_catalog.pg_constraint'::regclass::oid, k.oid
    FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
    LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
    LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid WHERE k.contype = 'c'
  UNION SELECT 'generated column ' || a.attname || ' of ' || n.nspname || '.' || c.relname,
         'pg_catalog.pg_attrdef'::regclass::oid, d.oid
    FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
   WHERE a.attgenerated <> ''
  UNION SELECT 'materialized view ' || n.nspname || '.' || c.relname,
         'pg_catalog.pg_rewrite'::regclass::oid, w.oid
    FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'm'
  UNION SELECT r.what, t.classid, t.objid FROM reached r, LATERAL (
    SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend d
     WHERE d.classid = r.classid AND d.objid = r.objid AND d.refclassid IN
           ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_operator'::regclass)
    UNION ALL SELECT 'pg_catalog.pg_proc'::regclass, o.oprcode::oid FROM pg_catalog.pg_operator o
     WHERE r.classid = 'pg_catalog.pg_operator'::regclass AND o.oid = r.objid
    UNION ALL SELECT w.tableoid, w.oid FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_class v ON v.oid = d.refobjid AND v.relkind = 'v'
     JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
     WHERE r.classid = 'pg_catalog.pg_rewrite'::regclass AND d.classid = r.classid
       AND d.objid = r.objid AND d.refclassid = 'pg_catalog.pg_class'::regclass
  ) t(classid, objid)
)
SELECT p.oid::bigint, n.nspname, p.proname,
       pg_catalog.pg_get_function_identity_arguments(p.oid), p.prosrc,
       e.extname, array_agg(DISTINCT r.what ORDER BY r.what)
FROM reached r JOIN pg_catalog.pg_proc p ON p.oid = r.objid
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
LEFT JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid
  AND d.deptype = 'e'
LEFT JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
WHERE r.classid = 'pg_catalog.pg_proc'::regclass AND p.prosqlbody IS NULL
  AND n.nspname <> 'pg_catalog'
  AND NOT EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%')
GROUP BY p.oid, n.nspname, p.proname, p.prosrc, e.extname ORDER BY 2, 3, 4
"""

# What only a search_path finds: names of the server's own win where they are the same.
_NAMES = """
SELECT o.kind, o.name, array_agg(DISTINCT n.nspname::text ORDER BY n.nspname::text) FROM (
  SELECT 'function' AS kind, p.proname AS name, p.pronamespace AS schema FROM pg_catalog.pg_proc p
  UNION ALL SELECT 'relation', c.relname, c.relnamespace FROM pg_catalog.pg_class c
   WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND c.relpersistence <> 't'
  UNION ALL SELECT 'type', t.typname, t.typnamespace FROM pg_catalog.pg_type t
   LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid
   WHERE t.typtype IN ('b', 'd', 'e', 'r', 'm') AND t.typelem = 0 OR c.relkind = 'c'
) o JOIN pg_catalog.pg_namespace n ON n.oid = o.schema
GROUP BY o.kind, o.name
HAVING NOT bool_or(n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast'))
"""

# What is no statement of the body; quoted names are matched so that a quote in them opens nothing.
_ASIDE = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<name>"(?:[^"]|"")*")"""
    r"""|\b[eE]'(?P<escaped>(?:[^'\\]|\\.|'')*)'|'(?P<literal>(?:[^']|'')*)'"""
    r"""|(?<![\w$])(?P<tag>\$(?:[^\W\d]\w*)?\$)(?P<dollars>.*?)(?P=tag)""",
    re.DOTALL,
)
# Whoever has one of these may run what stands in a literal.
_RUNS_TEXT = re.compile(r"\b(?:execute\b|format\s*\(|query_to_|spi_|plpy\b)", re.IGNORECASE)
_DECLARATIONS = re.compile(r"\bdeclare\b.*?(?:\bbegin\b|\Z)", re.IGNORECASE | re.DOTALL)
_DECLARED = re.compile(
    r'((?:\bdeclare\b|;|>>)\s*(?:"(?:[^"]|"")+"|[^\W\d][\w$]*)\s+(?:constant\s+)?)(?=[\w"])',
    re.IGNORECASE,
)
_OF_CASTS = re.compile(r"\bcast\s*\(|\(|\)|\bas\b", re.IGNORECASE)
# A name without a schema before it, and what stands around it.
_NAME = re.compile(
    r"(?P<before>::\s*|\b(?:from|join|into|update|only|table|using)\s+)?"
    r'(?<![\w$"])(?<!(?<!\.)\.)(?:"(?P<quoted>(?:[^"]|"")+)"|(?P<plain>[a-z_\x80-\uffff][\w$]*))(?![\w$"])'
    r"(?!\s*\.(?!\.))\s*(?P<after>[(%]|'')?",
    re.IGNORECASE,
)
_DOT = re.compile(r"(?<!\.)\s*\.\s*(?!\.)")
_SHOWN = 3

_Names = Mapping[str, Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliance:
    """A function that needs some search_path, and what a restore computes with it, in words.

    ``names`` are those that its body has without a schema; ``remedy`` is what to do about it.
    """

    function: str
    used_by: tuple[str, ...]
    names: tuple[str, ...]
    remedy: str

    @property
    def what(self) -> str:
        """What may happen, as a sentence without its full stop."""
        more = len(self.used_by) - _SHOWN
        users = ", ".join(self.used_by[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return (
            f"{users} may fail to be restored: function {self.function}, which is used there, has no"
            f" SET search_path and names {', '.join(self.names)} without a schema"
        )


def read_reliances(connection: Connection) -> tuple[Reliance, ...]:
    """Return each function that a restore may fail with, though it works at the source."""
    functions = connection.execute(_USED.encode()).fetchall()
    if not functions:
        return ()
    names: dict[str, dict[str, Sequence[str]]] = {"function": {}, "relation": {}, "type": {}}
    for kind, name, schemas in connection.execute(_NAMES.encode()):
        names[str(kind)][str(name)] = schemas if isinstance(schemas, list) else []
    return tuple(found for row in functions if (found := _reliance(row, names)) is not None)


def unqualified_names(body: str, names: _Names) -> Iterator[str]:
    """Yield the names in the body of a function that only a search_path finds.

    ``names`` has, by kind (``function``, ``relation``, ``type``), those that there are. A name of
    a relation or type counts only where one can stand (for types: casts, declarations, and before
    a literal): columns and variables have such names, too. What literals hold counts only if the
    body may run text.
    """
    for match in _NAME.finditer(_DOT.sub(".", _with_marked_types(_without_asides(body)))):
        quoted = match["quoted"]
        name = match["plain"].lower() if quoted is None else quoted.replace('""', '"')
        before, after = match["before"] or "", match["after"]
        is_called = after == "(" and name in names["function"]
        is_relation = name in names["relation"] and bool(before or after == "%")
        is_type = name in names["type"] and (before.startswith("::") or after == "''")
        if is_called or is_relation or is_type:
            yield name


def _without_asides(body: str) -> str:
    """Return a body without comments, and without what literals hold unless it may be run."""

    def emptied(match: re.Match[str]) -> str:
        return match["name"] or (" " if match["comment"] else "''")

    def opened(match: re.Match[str]) -> str:
        dollars = (match["dollars"] or "").replace("'", "''")
        kept = f"' {match['escaped'] or match['literal'] or dollars} '"
        return match["name"] or (" " if match["comment"] else kept)

    plain = _ASIDE.sub(emptied, body)
    return _ASIDE.sub(opened, body) if _RUNS_TEXT.search(plain) else plain


def _with_marked_types(body: str) -> str:
    """Write ``::`` before each type of a declaration and of CAST (... AS type)."""
    declared = _DECLARATIONS.sub(lambda section: _DECLARED.sub(r"\1::", section[0]), body)
    is_cast: list[bool] = []

    def marked(match: re.Match[str]) -> str:
        if match[0].endswith("("):
            is_cast.append(len(match[0]) > 1)
        elif match[0] == ")":
            del is_cast[-1:]
        elif is_cast and is_cast[-1]:
            return f"{match[0]} ::"
        return match[0]

    return _OF_CASTS.sub(marked, declared)


def _reliance(row: tuple[object, ...], names: _Names) -> Reliance | None:
    _, schema, name, signature, body, extension, used_by = row
    found = tuple(dict.fromkeys(unqualified_names(str(body), names)))
    if not found:
        return None
    function = f"{quote_identifier(str(schema))}.{quote_identifier(str(name))}({signature})"
    schemas = sorted({one for kind in names.values() for hit in found for one in kind.get(hit, ())})
    path = ", ".join(map(quote_identifier, schemas))
    remedy = (
        f"write them with their schemas, or ALTER FUNCTION {function} SET search_path = {path};"
    )
    if extension is not None:
        remedy = (
            f"it belongs to the extension {extension}, whose script makes it anew: use it through a"
            f" function of your own that has SET search_path = {path}"
        )
    return Reliance(
        function=function,
        used_by=tuple(map(str, used_by)) if isinstance(used_by, list) else (),
        names=found,
        remedy=remedy,
    )
