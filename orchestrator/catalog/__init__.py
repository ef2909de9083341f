"""The program's own memory: SQLAlchemy on SQLite or PostgreSQL, and an in-memory twin.

``open.py`` makes one from a URL. What the methods promise is in ``orchestrator/ports/catalog.py``,
and ``tests/contracts/catalog_contract.py`` holds every adapter to it.
"""
