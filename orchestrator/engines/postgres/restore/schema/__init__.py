"""Definitions: read from the schema archive, classed, recreated by pg_restore, and proved."""
