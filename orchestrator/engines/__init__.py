"""How rows leave and enter databases, one package per engine."""
