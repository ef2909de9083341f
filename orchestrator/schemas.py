"""The JSON Schemas: one file each, in a checkout beside the package, in a wheel inside it."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from orchestrator.errors import UnexpectedError


def schema_text(name: str) -> str:
    """Given a name such as ``policy``, return the text of ``schemas/policy.schema.json``.

    Raises:
        UnexpectedError: this installation has no such file.
    """
    for folder in _folders():
        file = folder / f"{name}.schema.json"
        if file.is_file():
            return file.read_text(encoding="utf-8")
    raise UnexpectedError(
        f"the schema {name!r} is missing from this installation",
        next_step="install the program again: its files are not complete",
    )


def _folders() -> tuple[Traversable, Traversable]:
    # The wheel first: beside an installed package there may lie somebody else's `schemas`.
    in_wheel = files("orchestrator") / "_schemas"
    return in_wheel, Path(__file__).parent.parent / "schemas"
