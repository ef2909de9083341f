"""What each kind of trouble is found by."""
