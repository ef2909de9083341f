"""Everything that a pass needs, tried before it: sources, destinations, channels."""
