"""Whether rows of then fit into the tables of now: their columns, and what the types mean."""
