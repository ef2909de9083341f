"""Fills a database with the practice data that the demo shows."""

from importlib.resources import files

import psycopg


def load_practice(url: str, *, rows: int) -> None:
    """Load the practice database, about ``rows`` rows in all, into an empty database."""
    script = files("orchestrator.demo").joinpath("practice.sql").read_text("utf-8")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET practice.rows = {rows:d}".encode())
        connection.execute(script.encode())
