"""Copies that no rule keeps, and objects that nothing names, in SQL."""

from orchestrator.catalog.sql.pruning.collecting import SqlCollections
from orchestrator.catalog.sql.pruning.copies import SqlPruning

__all__ = ["SqlCollections", "SqlPruning"]
