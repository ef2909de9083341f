"""Retention and pruning walked through virtual time, by the rules that decide for real."""
