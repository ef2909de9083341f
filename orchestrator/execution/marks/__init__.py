"""Marks of backups: written everywhere, and read back from where they lie."""
