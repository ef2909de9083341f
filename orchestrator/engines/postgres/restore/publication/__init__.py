"""The end of a restore: owners, grants, settings, accessories, and the final name."""
