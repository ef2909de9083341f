"""What a source is refused for before anything is locked, each with the remedy (rule 1)."""
