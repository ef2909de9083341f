"""Replacing tables of a database that exists: chosen, shown, saved, replaced and compared."""
