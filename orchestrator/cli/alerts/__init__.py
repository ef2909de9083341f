"""The verbs of ``alerts``."""
