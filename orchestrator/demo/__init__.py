"""The whole story on an embedded PostgreSQL, told by the real commands."""
