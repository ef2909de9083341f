"""Which expired copies may be pruned, which wait, and which guard refuses (design §7)."""
