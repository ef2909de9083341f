"""Whether rows of then fit into the tables of now: columns, what types mean, what lies around."""
