"""What restoring needs beyond a new database: existing ones, swaps, a look at a server."""
