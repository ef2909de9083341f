"""Databases that restores made or put aside, known by their comments: nobody backs them up.

A name alone proves nothing: a user's own database may have any. A comment that names the database
itself holds only until somebody renames it, which is how one that was kept comes back into use.
"""

from orchestrator.engines.postgres.identifiers import quote_identifier

RESTORING = "orchestrator is restoring into this database"
"""The comment of one that is being built; `publish` replaces it."""


def aside_comment(name: str, *, former: str | None = None) -> str:
    """Return the comment of one that lies beside the one in use, under that name.

    ``former`` is the comment that it had, which is kept within it.
    """
    words = f"{_beginning(name)} beside the one in use; drop it when nobody needs it"
    return words if former is None else f"{words}; its comment was: {former}"


def is_set_aside(name: str, comment: str | None) -> bool:
    """Return whether a database of that name is no source of backups, by its comment."""
    return comment is not None and comment.startswith((RESTORING, _beginning(name)))


def _beginning(name: str) -> str:
    return f"orchestrator keeps the database {quote_identifier(name)}"
