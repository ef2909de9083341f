"""Intents: "I am writing this series until then", for those who share no catalog (design §6)."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from orchestrator.archive.documents import (
    DocumentError,
    JsonValue,
    NewerDocumentError,
    encode_document,
    format_moment,
    parse_document,
)
from orchestrator.archive.fields import Fields
from orchestrator.errors import DamagedBackupError, UnreadableManifestError
from orchestrator.model.names import DatabaseName, PolicyName, RunId, Series

INTENT_FORMAT = "orchestrator-intent"
INTENT_VERSION = 1


class Purpose(Enum):
    """What the owner of an intent does with the objects of a series."""

    WRITE = "write"
    REPAIR = "repair"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Who works on a series at a destination, and until when at most."""

    run: RunId
    series: Series
    host: str
    process: int
    purpose: Purpose
    until: datetime


def encode_intent(intent: Intent) -> bytes:
    """Given an intent, return its canonical document."""
    document: dict[str, JsonValue] = {
        "format": INTENT_FORMAT,
        "version": INTENT_VERSION,
        "run": intent.run,
        "series": {"policy": intent.series.policy, "database": intent.series.database},
        "host": intent.host,
        "process": intent.process,
        "purpose": intent.purpose.value,
        "until": format_moment(intent.until),
    }
    return encode_document(document)


def decode_intent(data: bytes) -> Intent:
    """Given the stored bytes of an intent, return it.

    One that cannot be read must count as alive: its owner may be at work.

    Raises:
        DamagedBackupError: it is damaged.
        UnreadableManifestError: it was written by a newer version.
    """
    try:
        return _decode(data)
    except NewerDocumentError as error:
        raise UnreadableManifestError(
            f"an intent cannot be read by this version: {error}",
            next_step="upgrade this program to the version that wrote it, or a later one",
        ) from error
    except DocumentError as error:
        raise DamagedBackupError(
            f"an intent is damaged: {error}",
            next_step="remove it once nothing works on the series any more",
        ) from error


def _decode(data: bytes) -> Intent:
    fields = Fields(parse_document(data, format_name=INTENT_FORMAT, version=INTENT_VERSION))
    series = fields.record("series")
    intent = Intent(
        run=RunId(fields.identifier("run")),
        series=Series(PolicyName(series.text("policy")), DatabaseName(series.text("database"))),
        host=fields.text("host"),
        process=fields.size("process"),
        purpose=fields.choice("purpose", Purpose),
        until=fields.moment("until"),
    )
    if encode_intent(intent) != data:
        raise DocumentError("it is not in the canonical form")
    return intent
