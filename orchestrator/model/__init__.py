"""The vocabulary: frozen values without behaviour beyond checks and formatting.

Words come from ``docs/glossary.md``. Times are aware UTC datetimes, sizes are bytes, and nothing
here reads a clock, a file or a socket.
"""
