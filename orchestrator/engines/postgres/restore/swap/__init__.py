"""Two databases that change names, and what the one had that the other has not."""
