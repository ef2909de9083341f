"""Where objects lie, one module per kind of place."""
