"""Reading a database under one snapshot: resolve, lock, export, read in parallel, prove.

The order of the steps is the whole point (reference/postgres.md §1, rules 2-4 and 7):
``source.py`` runs them, the other modules each know one of them.
"""
