"""Marks: suspicions, acknowledgements, holds and releases, as small objects (design §6)."""

from orchestrator.archive.marks.document import MARK_FORMAT, decode_mark, encode_mark

__all__ = ["MARK_FORMAT", "decode_mark", "encode_mark"]
