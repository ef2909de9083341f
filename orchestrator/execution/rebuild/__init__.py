"""Building the catalog again from what lies at a destination, and comparing the two (design §6)."""
