"""A value that must never be seen: its text and repr are ``***``."""

from dataclasses import dataclass
from typing import final

from typing_extensions import override


@final
@dataclass(frozen=True, slots=True, repr=False)
class Secret:
    """Wraps a secret text so that logs, plans, errors and tracebacks show ``***``.

    ``origin`` says where it came from (``${env:DATABASE_URL}``), which may be shown.
    """

    _value: str
    origin: str

    def reveal(self) -> str:
        """Return the secret itself; call this only where it leaves for its one reader."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "***"

    @override
    def __str__(self) -> str:
        return "***"
