"""What lies around tables: indexes, views, triggers, policies, large objects, and the database."""

from tests.support.random_database.names import literal
from tests.support.random_database.script import ROLES, Relation, Script


def write_indexes(script: Script) -> None:
    for table in script.tables:
        for _ in range(script.rng.randint(0, 2)):
            _index(script, table)
        if script.chance(0.2):
            columns = [column for column, kind in table.columns if kind.keyed][:3]
            name = script.new("stats")
            if len(columns) > 1:
                script.add(f"CREATE STATISTICS {name} ON {', '.join(columns)} FROM {table.name}")
                script.describe(f"STATISTICS {name}")


def _index(script: Script, table: Relation) -> None:
    name = script.names.draw("index")
    column, kind = script.rng.choice(table.columns)
    key = table.key or column
    forms = [f"({key} DESC NULLS LAST)", f"USING hash ({key})", f"USING brin ({key})"]
    forms.append(f"({key}) WHERE {key} > 3")
    if kind.keyed and " COLLATE " not in kind.type:
        forms.append(f"({column}, {key} DESC) INCLUDE ({key}) WITH (fillfactor = 80)")
    if script.functions:
        forms.append(f"({script.rng.choice(script.functions)}({key}))")
    if kind.type in {"jsonb", "tsvector", "integer[]", "text[]"}:
        forms.append(f"USING gin ({column})")
    script.add(f"CREATE INDEX {name} ON {table.name} {script.rng.choice(forms)}")


def write_views(script: Script) -> None:
    for _ in range(script.rng.randint(0, 3)):
        source = script.rng.choice([*script.tables, *script.views] or [None])
        if source is None:
            return
        name, columns = script.new("view"), ", ".join(column for column, _ in source.columns)
        options = script.rng.choice(("", " WITH (security_barrier)"))
        script.add(f"CREATE VIEW {name}{options} AS SELECT {columns} FROM {source.name}")
        script.views.append(Relation(name, source.columns, source.key, plain=False))
        script.describe(f"VIEW {name}")
        script.give(f"TABLE {name}", "SELECT", owner=f"VIEW {name}")
    for _ in range(script.rng.randint(0, 2)):
        _materialized(script)


def _materialized(script: Script) -> None:
    source = script.rng.choice([*script.tables, *script.views] or [None])
    if source is None or source.key is None:
        return
    name, counted = script.new("matview"), script.names.draw("n")
    filled = " WITH NO DATA" if script.chance(0.25) else ""
    script.add(
        f"CREATE MATERIALIZED VIEW {name} AS SELECT {source.key} AS k, count(*) AS {counted}"
        f" FROM {source.name} GROUP BY 1{filled}"
    )
    script.add(f"CREATE UNIQUE INDEX {script.names.draw('index')} ON {name} (k)")
    script.describe(f"MATERIALIZED VIEW {name}")
    if not filled and script.chance(0.3):
        above = script.new("above")
        script.add(f"CREATE MATERIALIZED VIEW {above} AS SELECT sum(k) FROM {name}")


def write_guards(script: Script) -> None:
    for table in script.tables:
        if script.chance(0.3):
            _trigger(script, table)
        if script.chance(0.2):
            policy = script.names.draw("policy")
            script.add(
                f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY",
                f"CREATE POLICY {policy} ON {table.name} AS RESTRICTIVE FOR UPDATE"
                f" TO copy_owner, PUBLIC USING ({table.key} > 2) WITH CHECK (true)",
            )
            if script.chance(0.5):
                script.add(f"ALTER TABLE {table.name} FORCE ROW LEVEL SECURITY")
            script.describe(f"POLICY {policy} ON {table.name}")
        if script.chance(0.1) and table.plain:
            rule = script.names.draw("rule")
            script.add(f"CREATE RULE {rule} AS ON DELETE TO {table.name} DO INSTEAD NOTHING")
        if script.chance(0.1):
            script.add(f"ALTER TABLE {table.name} REPLICA IDENTITY FULL")
        if script.chance(0.1):
            later = script.names.draw("later")
            script.add(
                f"ALTER TABLE {table.name} ADD CONSTRAINT {later} CHECK ({table.key} < 0) NOT VALID"
            )


def _trigger(script: Script, table: Relation) -> None:
    name, function = script.names.draw("trigger"), script.rng.choice(script.trigger_functions)
    when = script.rng.choice(
        (
            "BEFORE INSERT OR UPDATE",
            "AFTER DELETE",
            f"AFTER UPDATE OF {table.columns[0][0]}",
        )
    )
    script.add(
        f"CREATE TRIGGER {name} {when} ON {table.name} FOR EACH ROW EXECUTE FUNCTION"
        f" {function}({literal(chr(39) + 'arg')})"
    )
    state = script.rng.choice(("", "DISABLE", "ENABLE ALWAYS", "ENABLE REPLICA"))
    if state:
        script.add(f"ALTER TABLE {table.name} {state} TRIGGER {name}")
    script.describe(f"TRIGGER {name} ON {table.name}")


def write_large_objects(script: Script) -> None:
    for number in range(script.rng.choice((0, 0, 1, 4))):
        oid = 4_000_000_000 + number if script.chance(0.2) else 70_000 + number
        size = script.rng.choice((0, 1, 2048, 9001))
        script.add(f"SELECT lo_from_bytea({oid}, decode(repeat('0a5c00', {size}), 'hex'))")
        if script.chance(0.4):
            script.add(f"SELECT lo_put({oid}, {size * 3 + 50_000}, '\\x01')")
        script.describe(f"LARGE OBJECT {oid}")
        script.give(f"LARGE OBJECT {oid}", "SELECT")


def write_foreign(script: Script) -> None:
    if script.rarely(0.3):
        wrapper, server = script.names.draw("wrapper"), script.names.draw("server")
        script.add(
            f"CREATE FOREIGN DATA WRAPPER {wrapper}",
            f"CREATE SERVER {server} FOREIGN DATA WRAPPER {wrapper} OPTIONS (a 'b''c')",
            f"CREATE USER MAPPING FOR PUBLIC SERVER {server} OPTIONS (k 'v')",
            f"CREATE FOREIGN TABLE {script.new('far')} (i int) SERVER {server}",
        )
    if script.chance(0.3) and script.tables:
        publication, table = script.names.draw("publication"), script.rng.choice(script.tables)
        script.add(f"CREATE PUBLICATION {publication} FOR TABLE {table.name}")
        script.describe(f"PUBLICATION {publication}")
    if script.chance(0.15):
        function, trigger = script.new("watch"), script.names.draw("watched")
        script.add(
            f"CREATE FUNCTION {function}() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
            f"CREATE EVENT TRIGGER {trigger} ON sql_drop EXECUTE FUNCTION {function}()",
        )


def write_properties(script: Script) -> None:
    if script.chance(0.3):
        schema = script.rng.choice(script.schemas)
        reader = '"' + ROLES[1].replace('"', '""') + '"'
        script.add(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE copy_owner IN SCHEMA {schema}"
            f" GRANT SELECT ON TABLES TO {reader}"
        )
    if script.chance(0.3):
        grant = script.rng.choice(
            (
                "REVOKE CONNECT ON DATABASE %I FROM PUBLIC",
                "REVOKE CREATE ON DATABASE %I FROM postgres",
                "GRANT TEMPORARY ON DATABASE %I TO copy_owner",
                "ALTER DATABASE %I OWNER TO copy_owner",
                "COMMENT ON DATABASE %I IS 'it''s'",
                "ALTER DATABASE %I CONNECTION LIMIT 7",
            )
        )
        script.add(f"DO $d$ BEGIN EXECUTE format({literal(grant)}, current_database()); END $d$")
    if script.chance(0.4):
        setting = script.rng.choice(
            ("work_mem = '9MB'", "app.tenant = 'it''s'", 'search_path = app, "$user"')
        )
        script.add(
            "DO $d$ BEGIN EXECUTE format('ALTER DATABASE %I SET ', current_database())"
            f" || {literal(setting)}; END $d$"
        )
