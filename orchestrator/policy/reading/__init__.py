"""From bytes on disk to a tree of values that know where they stand; nothing is judged yet."""
