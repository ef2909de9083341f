"""How a backup becomes a database again (reference/postgres.md §1, "Restoring").

``target`` creates the database under a temporary name, ``schema`` recreates its definitions from
the schema archive, ``loading`` brings the rows, ``completing`` sequences and materialized views,
``publication`` its owners, grants and final name. What is an accessory and cannot be recreated is
returned as data, with the server's words.
"""
