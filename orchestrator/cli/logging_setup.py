"""Log lines on stderr: a constant event and fields, as text or JSON."""

import json
import logging
import sys

from typing_extensions import override

_LEVELS = {0: logging.WARNING, 1: logging.INFO}

_STANDARD = set(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime"}


def configure_logging(verbosity: int, *, as_json: bool) -> None:
    """Send our own log lines to stderr: warnings, with -v events, with -vv tracebacks.

    What libraries log is not shown: it has tracebacks, and whatever matters of it is raised, too.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else TextLines("%(levelname)s %(message)s"))
    logger = logging.getLogger("orchestrator")
    logger.handlers = [handler]
    logger.setLevel(_LEVELS.get(verbosity, logging.DEBUG))
    logger.propagate = False
    libraries = logging.getLogger()
    if not libraries.handlers:
        libraries.addHandler(logging.NullHandler())


def show_events() -> None:
    """Let events through that are no warnings, as a command does that runs for ever."""
    logger = logging.getLogger("orchestrator")
    logger.setLevel(min(logger.level, logging.INFO))


def fields_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the fields that a log call gave as ``extra``."""
    return {name: str(value) for name, value in vars(record).items() if name not in _STANDARD}


class TextLines(logging.Formatter):
    """``WARNING event key=value key="two words"``, one line whatever the values hold."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={_quoted(text)}" for name, text in fields_of(record).items())
        line = super().format(record)
        first, _, rest = line.partition("\n")
        return "\n".join(filter(None, (f"{first} {fields}".rstrip(), rest)))


def _quoted(text: str) -> str:
    is_plain = text.isprintable() and not set(text) & set(' "')
    return text if text and is_plain else json.dumps(text, ensure_ascii=False)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        document = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document)
