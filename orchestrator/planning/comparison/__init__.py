"""What differs between two states of a database, as values and words."""
