"""The details: what is inside a backup, as the bytes of ``details.json`` (design §6)."""

from orchestrator.archive.details.document import DETAILS_FORMAT, decode_details, encode_details

__all__ = ["DETAILS_FORMAT", "decode_details", "encode_details"]
