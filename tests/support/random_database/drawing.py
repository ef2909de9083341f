"""A whole random database from a seed."""

import random

from tests.support.random_database.around import (
    write_foreign,
    write_guards,
    write_indexes,
    write_large_objects,
    write_properties,
    write_views,
)
from tests.support.random_database.rarities import write_rarities
from tests.support.random_database.script import ROLES, Script
from tests.support.random_database.tables import write_sequences, write_tables
from tests.support.random_database.types import write_functions, write_schemas, write_types

ROLE_STATEMENTS = ["CREATE ROLE " + '"' + name.replace('"', '""') + '" NOLOGIN' for name in ROLES]


def draw_database(seed: int, *, tables: int | None = None) -> list[str]:
    """Return the statements that make the database of a seed.

    ``tables`` of some hundred make thousands of objects; None draws 1 to 6.
    """
    script = Script(random.Random(seed), everything=tables is not None)
    write_schemas(script)
    for _ in range(1 if tables is None else tables // 6):
        write_types(script)
        write_rarities(script)
        write_functions(script)
        write_sequences(script)
    write_tables(script, tables or script.rng.randint(1, 6))
    for _ in range(1 if tables is None else tables // 6):
        write_views(script)
    write_indexes(script)
    write_large_objects(script)
    write_foreign(script)
    write_properties(script)
    write_guards(script)
    return script.statements
