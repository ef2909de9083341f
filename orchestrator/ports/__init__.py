"""What the inside needs from the outside: Protocols whose docstrings are contracts.

Each has a contract suite under ``tests/contracts`` that every adapter passes, the in-memory one
included.
"""
