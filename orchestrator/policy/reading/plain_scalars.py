"""What unquoted YAML words mean: the core types of YAML 1.2, and refusal of what is ambiguous.

PyYAML follows YAML 1.1, where `no` is false, `12:30` is 750 and `010` is 8. Here the first two are
text, and the third is refused: it was 8 once and is 10 now.
"""

import re

from orchestrator.policy.reading.nodes import ScalarValue

NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
AMBIGUOUS_INTEGER = re.compile(r"[-+]?0[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FRACTION = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
SPECIAL_NUMBER = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
MOST_DIGITS = 18


class AmbiguousError(ValueError):
    """An unquoted word could be taken for something else; the text says for what."""


def resolve_plain(text: str) -> ScalarValue:
    """Return the value of an unquoted word.

    Raises:
        AmbiguousError: people or programs disagree about it, or it is too large a number.
    """
    if text in NOTHING:
        return None
    if text in TRUTH:
        return TRUTH[text]
    if AMBIGUOUS_INTEGER.fullmatch(text):
        raise AmbiguousError("is read as different numbers by different programs")
    if INTEGER.fullmatch(text):
        return _integer(text)
    if SPECIAL_NUMBER.fullmatch(text):
        raise AmbiguousError("is not a number that can be used here")
    if FRACTION.fullmatch(text):
        return float(text)
    return text


def _integer(text: str) -> int:
    if len(text) > MOST_DIGITS:
        raise AmbiguousError("has more digits than a number may have")
    return int(text)
