"""Restoring a backup: digests first, rows in parallel, comparison, and the name last of all."""
