"""Sizes such as ``10GiB`` and percentages such as ``10%``, in the form that the schema checked."""

import re

UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
SIZE = re.compile(r"([1-9][0-9]{0,5})(KiB|MiB|GiB|TiB)")
PERCENTAGE = re.compile(r"([1-9][0-9]?|100)%")


def parse_size(text: str) -> int:
    """Given text such as ``10GiB``, return bytes.

    Raises:
        ValueError: the text has another form.
    """
    found = SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"no size: {text!r}")
    return int(found[1]) * UNITS[found[2]]


def parse_percentage(text: str) -> int | None:
    """Given text such as ``10%``, return percent, or None if it is no percentage."""
    found = PERCENTAGE.fullmatch(text)
    return None if found is None else int(found[1])
