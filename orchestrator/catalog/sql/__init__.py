"""The catalog in SQLite or PostgreSQL; rows become model values at this border only."""
