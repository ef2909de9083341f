"""YAML text becomes a `DesiredState`, or every problem in it with file, line and column."""
