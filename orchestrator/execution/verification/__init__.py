"""Reading a stored copy again, and keeping what was proved."""
