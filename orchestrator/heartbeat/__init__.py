"""Pinging a dead man's switch."""
