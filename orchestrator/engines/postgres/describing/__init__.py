"""What a schema archive says, in pieces that can be compared."""
