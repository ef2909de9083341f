"""Writes ``docs/errors.md`` from ``orchestrator/errors.py``; ``--check`` only compares."""  # noqa: INP001 - a script, not a package

import inspect
import re
import sys
from pathlib import Path

from orchestrator import errors
from orchestrator.cli.exit_codes import OF_KIND
from orchestrator.errors import OrchestratorError

PAGE = Path(__file__).with_name("errors.md")

HEAD = """\
# Errors

<!-- Written by `make docs` from orchestrator/errors.py; `make check` compares. -->

Every error says what happened, to what, and what to do next, and ends in a code. A code keeps its
meaning for ever. The exit code is that of a command whose only trouble is this error; the whole
table is in [cli.md](cli.md).
"""


def list_errors() -> list[type[OrchestratorError]]:
    """Return every class of error, by code."""
    classes = [
        found
        for _, found in inspect.getmembers(errors, inspect.isclass)
        if issubclass(found, OrchestratorError) and found is not OrchestratorError
    ]
    return sorted(classes, key=lambda found: found.code)


def list_sections() -> dict[str, str]:
    """Return the titles of the groups, by the first digit of their codes."""
    titles = re.findall(r"^# -+ (\d)xx: (.+)$", inspect.getsource(errors), re.MULTILINE)
    return {digit: title[0].upper() + title[1:] for digit, title in titles}


def render() -> str:
    """Return the page."""
    lines = [HEAD]
    for digit, title in list_sections().items():
        lines += [f"## {title}", "", "| code | what it means | exit code |", "|---|---|---|"]
        lines += [
            f"| {found.code} | {' '.join((found.__doc__ or '').split())} | {OF_KIND[found.kind].value} |"
            for found in list_errors()
            if found.code.startswith(f"ORC-{digit}")
        ]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Write the page, or with ``--check`` exit with 1 if it is not the present one."""
    if sys.argv[1:] != ["--check"]:
        PAGE.write_text(render(), encoding="utf-8")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != render():
        sys.exit(f"{PAGE.name} is not current: run `make docs`")


if __name__ == "__main__":
    main()
