"""The two readings of retention: of one backup now, and of the rules over virtual time."""
