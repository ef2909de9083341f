"""Removing what no rule keeps and what nothing names: in this order, and checked twice (design §6)."""
