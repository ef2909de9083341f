"""Kinds of objects that few databases have, so that every kind is there in some."""

from tests.support.random_database.script import Relation, Script
from tests.support.random_database.values import Kind


def write_rarities(script: Script) -> None:
    for write in (_base_type, _shell_type, _window, _access_method, _parser, _conversion, _class):
        if script.rarely(0.15):
            write(script)


def _base_type(script: Script) -> None:
    name, read, write = script.new("base"), script.new("base_in"), script.new("base_out")
    script.add(
        f"CREATE TYPE {name}",
        f"CREATE FUNCTION {read}(cstring) RETURNS {name} LANGUAGE internal IMMUTABLE STRICT"
        " AS 'int4in'",
        f"CREATE FUNCTION {write}({name}) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT"
        " AS 'int4out'",
        f"CREATE TYPE {name} (INPUT = {read}, OUTPUT = {write}, LIKE = int4)",
    )
    script.kinds.append(Kind(name, f"i::text::{name}", keyed=False))


def _shell_type(script: Script) -> None:
    script.add(f"CREATE TYPE {script.new('shell')}")


def _window(script: Script) -> None:
    script.add(
        f"CREATE FUNCTION {script.new('window')}() RETURNS bigint LANGUAGE internal WINDOW"
        " IMMUTABLE AS 'window_row_number'"
    )


def _access_method(script: Script) -> None:
    name, table, column = script.names.draw("heap"), script.new("other"), script.names.draw("c")
    script.add(
        f"CREATE ACCESS METHOD {name} TYPE TABLE HANDLER heap_tableam_handler",
        f"CREATE TABLE {table} ({column} int) USING {name}",
        f"INSERT INTO {table} SELECT generate_series(1, 9)",
    )


def _parser(script: Script) -> None:
    parser, template = script.new("parser"), script.new("template")
    script.add(
        f"CREATE TEXT SEARCH PARSER {parser} (START = prsd_start, GETTOKEN = prsd_nexttoken,"
        " END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline)",
        f"CREATE TEXT SEARCH TEMPLATE {template} (INIT = dsimple_init, LEXIZE = dsimple_lexize)",
    )


def _conversion(script: Script) -> None:
    script.add(
        f"CREATE CONVERSION {script.new('conv')} FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8"
    )


def _class(script: Script) -> None:
    script.add(
        f"CREATE OPERATOR CLASS {script.new('class')} FOR TYPE int USING hash AS OPERATOR 1 =,"
        " FUNCTION 1 hashint4(int)"
    )


def write_constraints(script: Script, table: Relation) -> None:
    """Write constraints of one table that are neither primary nor foreign keys."""
    name = script.names.draw("unique")
    others = [f", {column}" for column, kind in table.columns[1:] if kind.keyed]
    if script.chance(0.3):
        columns = f"{table.key}{script.rng.choice(others or [''])}"
        script.add(f"ALTER TABLE {table.name} ADD CONSTRAINT {name} UNIQUE ({columns})")
        script.describe(f"CONSTRAINT {name} ON {table.name}")
    if script.chance(0.15):
        script.add(
            f"ALTER TABLE {table.name} ADD CONSTRAINT {script.names.draw('excluded')}"
            f" EXCLUDE USING btree ({table.key} WITH =) WHERE ({table.key} > 0) DEFERRABLE"
        )
    if script.chance(0.15):
        script.add(
            f"CREATE CONSTRAINT TRIGGER {script.names.draw('watched')} AFTER INSERT ON {table.name}"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION"
            f" {script.rng.choice(script.trigger_functions)}()"
        )
