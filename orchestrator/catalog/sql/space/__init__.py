"""The room at destinations in SQL."""
