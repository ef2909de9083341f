"""The program's own memory: SQLAlchemy on SQLite or PostgreSQL, and an in-memory twin."""
