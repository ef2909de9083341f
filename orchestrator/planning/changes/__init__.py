"""What changed in each policy since it was applied last, and what that does to what is kept."""
