"""The decisions: pure functions of policies and observations, with a reason for everything."""
