"""Replacing tables of a database that exists, in one transaction (reference/postgres.md §1, rule 4).

``looking`` says what would change and what stands in the way, ``replacement`` does it: ``locking``,
``foreign_keys``, ``triggers`` and ``sequences`` each take one thing away and bring it back, and
``fingerprint`` proves that all of it is as it was.
"""
