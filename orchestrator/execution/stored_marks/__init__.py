"""Marks as they lie at the places of a backup, where they outlive the catalog."""
