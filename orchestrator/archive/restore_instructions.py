"""RESTORE.md: how to restore with psql, pg_restore, zstd and jq alone (design §6).

The text lies beside the backups, so it must be right without any other page, and its commands
must work when they are run in order as they stand. Its last line carries the SHA-256 of all lines
above it: whoever restores in an emergency shall notice a damaged instruction.
"""

from hashlib import sha256

_LAST_LINE = b"SHA-256 of all lines above: "

_INSTRUCTIONS = r"""# How to restore a backup from this folder without the program that wrote it

You need bash, psql, pg_restore, zstd, jq and sha256sum, and a PostgreSQL server that is not older
than the one the backup came from. Use psql and pg_restore of the major version of the server that
you restore to. If pg_restore says "unsupported version", newer programs wrote this backup: restore
with those, to a server of their version. Run the commands in order, in one shell. They stop the shell at
the first error, so start a new one first (type `bash`). A new database is made; nothing that
exists is changed, except that missing roles are created. If they stop, drop the unfinished database
before you begin again.

No backup is encrypted as long as no object here ends in `.age`. Where encryption is used, every
object that ends in `.age` goes through `age --decrypt --identity KEYFILE` first.

`tail -n 1 RESTORE.md` must show the same digest as `head -n -1 RESTORE.md | sha256sum`; otherwise
this text is damaged.

## 1. Say what to restore, and where to

`series` is the folder of one policy and one database below this one, `target` the name of the new
database. Connect as a superuser, with the usual variables (PGHOST, PGPORT, PGUSER, PGPASSFILE).

```bash
set -euo pipefail
: "${series:?first: series=POLICY/DATABASE, a folder below this one}"
: "${target:?first: target=NAME, the name of the new database}"
export PGCLIENTENCODING=UTF8 PGDATABASE=postgres
export PGOPTIONS="-c datestyle=ISO,YMD -c intervalstyle=postgres -c timezone=UTC \
 -c lc_monetary=C -c xmloption=content -c array_nulls=on -c standard_conforming_strings=on \
 -c statement_timeout=0 -c lock_timeout=0 -c client_min_messages=warning"
```

## 2. Choose a backup

The name of a backup begins with the moment (UTC) that it shows. A folder without `manifest.json`
is no backup: its run did not end. This takes the newest; to take another, say `backup=` yourself,
for example if it says that the newest is suspicious: rows may have vanished before it was taken.

```bash
: "${backup:=$(ls -d "$series"/backups/*/manifest.json | sort | tail -n 1 | xargs dirname)}"
manifest=$backup/manifest.json details=$backup/details.json
echo "restoring $backup"
for mark in "$backup"/marks/suspicion.json; do
  if test -e "$mark"; then jq -r '"SUSPICIOUS: " + .reasons[]' "$mark"; fi
done
```

## 3. Check every byte before using it

The manifest carries its own digest, and the size and SHA-256 of every object of the backup.

```bash
test "$(jq -r .format "$manifest") $(jq -r .version "$manifest")" = "orchestrator-manifest 1"
test "$(jq -r .path "$manifest")" = "$series"
test "$(grep -v '^ "digest": ' "$manifest" | sha256sum | cut -c 1-64)" = "$(jq -r .digest "$manifest")"
jq -r '.objects[] | "\(.sha256)  \(.key)"' "$manifest" | sha256sum --check --strict --quiet
echo "all objects are as they were written"
```

## 4. How names and values become SQL

```bash
work=$(mktemp -d)
cat > "$work/sql.jq" <<'END'
def ident: "\"" + gsub("\""; "\"\"") + "\"";
def literal: "'" + gsub("'"; "''") + "'";
def table: (.schema | ident) + "." + (.name | ident);
def columns: if . == [] then "" else " (" + (map(.name | ident) | join(", ")) + ")" end;
def provider:
  if .locale_provider == "icu" then
    " LOCALE_PROVIDER icu ICU_LOCALE " + (.locale | literal)
    + (if .icu_rules == null then "" else " ICU_RULES " + (.icu_rules | literal) end)
  elif .locale_provider == "builtin" then
    " LOCALE_PROVIDER builtin BUILTIN_LOCALE " + (.locale | literal)
  else " LOCALE_PROVIDER libc" end;
def create_database($target):
  (if .identity.version_number < 150000 then "" else .database | provider end) as $provider
  | .database
  | "CREATE DATABASE " + ($target | ident) + " TEMPLATE template0"
    + " ENCODING " + (.encoding | literal)
    + " LC_COLLATE " + (.collate | literal) + " LC_CTYPE " + (.ctype | literal) + $provider + ";";
def copy_tables:
  .database.encoding as $encoding
  | .tables[]
  | ("COPY " + table + (.columns | columns)
     + " FROM STDIN (FORMAT text, ENCODING " + ($encoding | literal) + ")") as $copy
  | .chunks[]
  | @sh "load \(.key) \(.rows) \($copy)";
def copy_large_objects:
  "COPY orchestrator_restore.large_objects FROM STDIN" as $copy
  | .large_object_chunks[]
  | @sh "load \(.key) \(.rows) \($copy)";
def grants($kind; $object):
  "SELECT pg_catalog.format('GRANT %s ON " + $kind + " %s TO %s%s', a.privilege_type, "
  + ($object | literal)
  + ", CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END"
  + ", CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)"
  + " FROM pg_catalog.aclexplode(ARRAY[" + (map(literal) | join(", "))
  + "]::pg_catalog.aclitem[]) AS a \\gexec";
def large_object:
  (.oid | tostring) as $oid
  | "SELECT pg_catalog.lo_create(" + $oid + ");",
    "ALTER LARGE OBJECT " + $oid + " OWNER TO " + (.owner | ident) + ";",
    (if .comment == null then empty
     else "COMMENT ON LARGE OBJECT " + $oid + " IS " + (.comment | literal) + ";" end),
    (if .acl == null then empty else .acl | grants("LARGE OBJECT"; $oid) end);
def sequence_value:
  "SELECT pg_catalog.setval(" + (table | literal) + ", " + .last_value + ", "
  + (.is_called | tostring) + ");";
def is_quoted_list:
  IN("local_preload_libraries", "search_path", "session_preload_libraries",
     "shared_preload_libraries", "temp_tablespaces", "unix_socket_directories");
def value($name):
  if ($name | ascii_downcase | is_quoted_list | not) then literal
  elif . == "" or . == "\"\"" then "''" else . end;
def setting($database):
  (.setting | index("=")) as $at
  | .setting[:$at] as $name
  | (.setting[$at + 1:] | value($name)) as $value
  | (if .role == null then "ALTER DATABASE " + $database
     else "ALTER ROLE " + (.role | ident) + " IN DATABASE " + $database end)
    + " SET " + ($name | split(".") | map(ident) | join(".")) + " TO " + $value + ";";
def database_properties($target):
  ($target | ident) as $name
  | .database
  | "ALTER DATABASE " + $name + " OWNER TO " + (.owner | ident) + ";",
    "ALTER DATABASE " + $name + " CONNECTION LIMIT " + (.connection_limit | tostring) + ";",
    (if .comment == null then empty
     else "COMMENT ON DATABASE " + $name + " IS " + (.comment | literal) + ";" end),
    (if .acl == null then empty
     else "REVOKE ALL ON DATABASE " + $name + " FROM PUBLIC;",
          (.acl | grants("DATABASE"; $name)) end),
    (.settings[] | setting($name));
END
ask() { jq -r -L "$work" --arg target "$target" 'include "sql"; '"$1" "$details"; }
sql() { psql -X -q -v ON_ERROR_STOP=1 -o /dev/null "$@"; }
```

## 5. Roles and the empty database

Errors about roles that exist already do no harm. Passwords are not in a backup. What else
`globals.sql` says (settings of the server, tablespaces) is for you to read. Characters of names
and their order come from the recorded encoding and locale; the server must know that locale.

```bash
if [ -f "$backup/globals.sql" ]; then psql -X -q -f "$backup/globals.sql"; fi
ask 'create_database($target)' | sql -f -
export PGDATABASE=$target
```

## 6. Types, functions, tables and sequences

If roles cannot be created, add `--no-owner --no-privileges` here and in step 10.

```bash
pg_restore --exit-on-error --section=pre-data --dbname="$target" "$backup/schema.dump"
```

## 7. Rows

One COPY for each chunk; the server must count as many rows as were backed up.

```bash
load() {
  result=$(zstd -dc -- "$1" | psql -X -v ON_ERROR_STOP=1 -c "$3")
  if [ "$result" != "COPY $2" ]; then echo "$1: $result instead of COPY $2" >&2; exit 1; fi
}
ask copy_tables > "$work/tables.sh"
. "$work/tables.sh"
echo "$(jq '[.tables[].rows] | add // 0' "$details") rows are back"
```

## 8. Large objects

```bash
sql -c 'CREATE SCHEMA orchestrator_restore' \
    -c 'CREATE TABLE orchestrator_restore.large_objects (oid oid, position bigint, bytes bytea)'
ask copy_large_objects > "$work/large_objects.sh"
. "$work/large_objects.sh"
ask '.large_objects[] | large_object' | sql -f -
sql -c 'SELECT pg_catalog.lo_put(oid, position, bytes) FROM orchestrator_restore.large_objects ORDER BY oid, position' \
    -c 'DROP SCHEMA orchestrator_restore CASCADE'
```

## 9. Sequences

```bash
ask '.sequences[] | sequence_value' | sql -f -
```

## 10. Indexes, constraints, triggers, policies

If this stops at something that holds no data (a publication, a subscription, an event trigger),
write the list of `pg_restore --list` into a file, remove that line, and use `--use-list`.

Do the same if rows break a constraint ("violates foreign key constraint", "could not create unique
index"): they did at the source, too. In the end add a foreign key as `schema.dump` has it, with
`ALTER TABLE … ADD CONSTRAINT … FOREIGN KEY … NOT VALID`: it holds for new rows then. A unique
constraint can be added when the rows are corrected. If rows break a CHECK in step 7, take it away
before that step (`ALTER TABLE … DROP CONSTRAINT …`, or `ALTER DOMAIN …`), and add it in the end with
`ADD CONSTRAINT … CHECK (…) NOT VALID`.

```bash
pg_restore --exit-on-error --section=post-data --jobs=2 --dbname="$target" "$backup/schema.dump"
```

## 11. Materialised views, statistics, properties of the database

```bash
sql -f - <<'END'
SELECT pg_catalog.format('REFRESH MATERIALIZED VIEW %I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
 WHERE c.relkind = 'm' ORDER BY c.oid \gexec
ANALYZE;
END
ask 'database_properties($target)' | sql -f -
rm -r "$work"
echo "$target is restored from $backup"
```

## 12. Read what the backup left out

Each line names something that the database had and the backup does not hold, and why.

```bash
jq -r '.left_out[] | "\(.kind) \(.name): \(.reason)"' "$details"
```

"""


def restore_instructions() -> bytes:
    """Return the text of RESTORE.md, its digest in the last line included."""
    return _with_digest(_INSTRUCTIONS.encode())


def restore_instructions_are_intact(data: bytes) -> bool:
    """Return whether the last line of a RESTORE.md carries the digest of the lines above."""
    body, found, _ = data.rpartition(_LAST_LINE)
    return bool(found) and _with_digest(body) == data


def _with_digest(body: bytes) -> bytes:
    return body + _LAST_LINE + sha256(body).hexdigest().encode("ascii") + b"\n"
