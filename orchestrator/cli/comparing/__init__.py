"""How comparisons look."""
