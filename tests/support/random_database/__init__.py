"""Random databases: schemas and rows of every kind, made from a seed as SQL.

``names`` draws hostile names, ``values`` columns and what stands in them, ``types``,
``rarities``, ``tables`` and ``around`` write the definitions, ``drawing`` puts them together.
"""
