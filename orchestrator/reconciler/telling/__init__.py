"""How what is wrong becomes incidents, and what is said about them is sent beside the work."""

from orchestrator.reconciler.telling.at_once import look, tell
from orchestrator.reconciler.telling.beside import TellingBeside
from orchestrator.reconciler.telling.incidents import BEGINNING, END, Concerns, note_troubles
from orchestrator.reconciler.telling.post import Post
from orchestrator.reconciler.telling.setbacks import forget_needless, note_outcome

__all__ = [
    "BEGINNING",
    "END",
    "Concerns",
    "Post",
    "TellingBeside",
    "forget_needless",
    "look",
    "note_outcome",
    "note_troubles",
    "tell",
]
