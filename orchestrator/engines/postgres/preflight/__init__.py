"""Asking before anything is locked: what a backup would be refused for, and what is dangerous."""
