"""Who is shown how far long work has come."""

from typing import Protocol

from typing_extensions import override


class Step(Protocol):
    """One piece of work under way; its methods may be called from any thread."""

    def advanced(self, count: int) -> None:
        """Say that so many more bytes are done."""
        ...

    def finished(self) -> None:
        """Say that the work ended, well or not; nothing is said after it."""
        ...


class Progress(Protocol):
    """Shows work as it goes on. Several pieces may be under way at once; it never raises."""

    def started(self, what: str, total_bytes: int | None) -> Step:
        """Announce a piece of work of so many bytes, or of an unknown number (None)."""
        ...


class SilentStep(Step):
    """Shows nothing."""

    @override
    def advanced(self, count: int) -> None:
        pass

    @override
    def finished(self) -> None:
        pass


class SilentProgress(Progress):
    """Shows nothing, for whoever is not watched."""

    @override
    def started(self, what: str, total_bytes: int | None) -> Step:
        return SilentStep()
