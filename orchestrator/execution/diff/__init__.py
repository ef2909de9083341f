"""Comparing a backup with another one or with the living database."""
