"""Which tables a selection means, what the server knows of them, and how they are cut."""
