"""What guards rows, as text lines that must be the same before and after a replacement."""

from collections.abc import Sequence

from orchestrator.engines.postgres.restore.access import Connection
from orchestrator.errors import RestoreError

# Names of partitions' own copies of a key are the server's to choose; what they do is compared by
# their triggers. Names of a key's triggers carry object ids, so those are left out.
_GUARDS = """
WITH member AS (
  SELECT c.oid, pg_catalog.format('%%I.%%I', n.nspname, c.relname) AS name,
         c.relrowsecurity, c.relforcerowsecurity, c.relhastriggers, c.relhasrules, c.relowner
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = ANY (%s::pg_catalog.oid[]))
SELECT pg_catalog.format('constraint %%s of %%s: %%s, validated %%s, comment %%L', k.conname, m.name,
         pg_catalog.pg_get_constraintdef(k.oid), k.convalidated,
         pg_catalog.obj_description(k.oid, 'pg_constraint'))
  FROM pg_catalog.pg_constraint k JOIN member m ON m.oid IN (k.conrelid, k.confrelid)
 WHERE k.conparentid = 0
UNION ALL
SELECT pg_catalog.format('trigger %%s: %%s, state %%s', m.name, pg_catalog.pg_get_triggerdef(t.oid),
         t.tgenabled)
  FROM pg_catalog.pg_trigger t JOIN member m ON m.oid = t.tgrelid WHERE NOT t.tgisinternal
UNION ALL
SELECT pg_catalog.format('key trigger %%s: function %%s for %%s, state %%s, of %%s', m.name,
         t.tgfoid::pg_catalog.regproc, t.tgconstrrelid::pg_catalog.regclass, t.tgenabled,
         CASE WHEN k.conparentid = 0 THEN k.conname END)
  FROM pg_catalog.pg_trigger t JOIN member m ON m.oid = t.tgrelid
  JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint WHERE t.tgisinternal
UNION ALL
SELECT pg_catalog.format('index of %%s: %%s, valid %%s', m.name,
         pg_catalog.pg_get_indexdef(i.indexrelid), i.indisvalid)
  FROM pg_catalog.pg_index i JOIN member m ON m.oid = i.indrelid
UNION ALL
SELECT pg_catalog.format('%%s: row security %%s, forced %%s, triggers %%s, rules %%s, owner %%s',
         m.name, m.relrowsecurity, m.relforcerowsecurity, m.relhastriggers, m.relhasrules,
         m.relowner)
  FROM member m
ORDER BY 1
"""
_SHOWN = 5


def read_guards(connection: Connection, oids: Sequence[int]) -> tuple[str, ...]:
    """Return constraints, triggers, indexes and row security of these tables, sorted."""
    return tuple(str(line) for (line,) in connection.execute(_GUARDS, [list(oids)]))


def require_same_guards(before: Sequence[str], after: Sequence[str]) -> None:
    """Do nothing if they are the same.

    Raises:
        RestoreError: names what is missing and what is new.
    """
    if sorted(before) == sorted(after):
        return
    gone = [f"missing: {line}" for line in before if line not in after]
    new = [f"new: {line}" for line in after if line not in before]
    found = "; ".join([*gone[:_SHOWN], *new[:_SHOWN]]) or "one of them is there twice"
    raise RestoreError(
        f"keys or triggers would not be as they were: {found}",
        next_step="nothing was changed; report this, and restore with --into-new",
    )
