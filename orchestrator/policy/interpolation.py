"""References to secrets: `${env:NAME}` and `${file:PATH}`, whole values of a few fields only."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath

from orchestrator.model.secret import Secret
from orchestrator.policy.passwords import carries_password
from orchestrator.policy.problems import LONGEST_PATH, ProblemLog, quoted
from orchestrator.policy.reading.nodes import Node, Path, matches, scalars
from orchestrator.policy.reading.section import Text

SECRET_FIELDS: tuple[Path, ...] = (
    ("channels", "*", "url"),
    ("policies", "*", "source", "url"),
    ("policies", "*", "source", "restore_url"),
    ("policies", "*", "encryption", "identity"),
    ("policies", "*", "heartbeat", "url"),
)
"""The fields of the schema that are ``writeOnly``; a test compares the two."""

REFERENCE = re.compile(r"\$\{(?P<kind>env|file):(?P<name>[^${}]+)\}")
VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LARGEST_SECRET = 64 * 1024


def find_misplaced_references(root: Node, log: ProblemLog) -> Iterator[Path]:
    """Report each reference that cannot be one, and yield its path."""
    allowed = {path for field in SECRET_FIELDS for path, _ in matches(root, field)}
    for path, node in scalars(root):
        if isinstance(node.value, str) and "${" in node.value:
            trouble = _trouble(node.value) if path in allowed else _MISPLACED
            if trouble is not None:
                log.report(node.place, *trouble)
                yield path


_MISPLACED = (
    "references such as `${env:NAME}` are for secrets and URLs of secrets only",
    "write the value itself",
)


def _trouble(text: str) -> tuple[str, str] | None:
    # The text may be a password around a reference: it is not shown.
    found = REFERENCE.fullmatch(text)
    if found is None:
        return (
            "a reference must be the whole value, `${env:NAME}` or `${file:PATH}`",
            "put the whole URL into the variable or file",
        )
    if found["kind"] == "env" and not VARIABLE_NAME.fullmatch(found["name"]):
        return (f"{quoted(found['name'])} cannot be the name of an environment variable", "")
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretReader:
    """Turns what stands in a secret field into the secret.

    ``required`` is false where a secret that is not there is no problem (``--without-secrets``):
    it becomes an empty one. What a secret's text holds is never looked at for further references.
    """

    environment: Mapping[str, str]
    log: ProblemLog
    required: bool

    def read(self, written: Text, folder: FilePath) -> Secret | None:
        """Given a field and its file's folder, return the secret, or None after a report."""
        text = written.value
        found = REFERENCE.fullmatch(text)
        if found is None:
            if carries_password(text):
                self.log.warn_about(
                    written.place,
                    "a password is written into the url",
                    "keep the url in `${env:NAME}` or `${file:PATH}`",
                )
            return Secret(text, "the policy file")
        try:
            value = self._value(found["kind"], found["name"], folder)
        except _MissingError as error:
            if self.required:
                self.log.report(written.place, str(error), error.hint)
                return None
            value = ""
        return Secret(value, text)

    def _value(self, kind: str, name: str, folder: FilePath) -> str:
        value = self._variable(name) if kind == "env" else _file_content(name, folder)
        if not value.strip():
            raise _MissingError(f"the {_KINDS[kind]} {quoted(name)} is empty", "")
        if not value.isprintable():
            raise _MissingError(
                f"the {_KINDS[kind]} {quoted(name)} holds more than one line of text",
                "one URL is expected",
            )
        return value

    def _variable(self, name: str) -> str:
        try:
            return self.environment[name]
        except KeyError:
            raise _MissingError(
                f"the environment variable {quoted(name)} is not set",
                "set it, or check without it by `validate --without-secrets`",
            ) from None


_KINDS = {"env": "environment variable", "file": "file"}


class _MissingError(Exception):
    """A secret is not there."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def _file_content(name: str, folder: FilePath) -> str:
    path = folder / name
    try:
        if not path.is_file():
            raise _MissingError(
                f"there is no file {quoted(str(path), longest=LONGEST_PATH)}",
                "create it, or check without it by `validate --without-secrets`",
            )
        with path.open("rb") as file:
            content = file.read(LARGEST_SECRET + 1)
    except OSError as error:
        raise _MissingError(
            f"the file {quoted(name)} cannot be read: {error.strerror}", ""
        ) from None
    if len(content) > LARGEST_SECRET:
        raise _MissingError(f"the file {quoted(name)} is larger than 64 KiB", "")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        # The exception would carry the secret's bytes.
        raise _MissingError(f"the file {quoted(name)} is not UTF-8", "") from None
    return text.removesuffix("\n").removesuffix("\r")
