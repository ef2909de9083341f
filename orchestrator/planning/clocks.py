"""How far clocks may be trusted."""

from datetime import timedelta

CLOCK_TOLERANCE = timedelta(minutes=5)
"""How far clocks may differ before one of them counts as wrong (design §7)."""
