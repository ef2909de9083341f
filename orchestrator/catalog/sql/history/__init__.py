"""The past of series, as every pass asks for it, in SQL."""
