"""What the command line and the environment say about where things are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.model.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where policies, state and catalog are, and the environment that secrets come from.

    ``catalog`` is the URL given on the command line, or None for the SQLite file in ``state``.
    """

    policies: Path
    state: Path
    catalog: Secret | None
    environment: Mapping[str, str]

    @property
    def catalog_url(self) -> Secret:
        """The SQLAlchemy URL of the catalog; a secret, because it may carry a password."""
        if self.catalog is not None:
            return self.catalog
        # A `?` or `%` in a folder's name must not be read as part of the URL.
        path = re.sub(r"[%?#]", lambda match: f"%{ord(match[0]):02X}", str(self.state.absolute()))
        return Secret(f"sqlite:///{path}/catalog.sqlite3", "--state")
