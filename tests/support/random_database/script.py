"""What has been written so far: statements in order, and what later ones may build on."""

import random
from dataclasses import dataclass, field

from tests.support.random_database.names import Names, literal
from tests.support.random_database.values import Kind

ROLES = ("copy_owner", 'copy "reader" ü', "copy's writer")


@dataclass
class Relation:
    """A table or view: its qualified name, its columns, and one that is unique, if any."""

    name: str
    columns: list[tuple[str, Kind]]
    key: str | None = None
    rows: int = 0
    plain: bool = True


@dataclass
class Script:
    """A random database being written."""

    rng: random.Random
    everything: bool = False
    """Whether each kind of object shall be there, be it as rare as it may."""
    statements: list[str] = field(default_factory=list)
    schemas: list[str] = field(default_factory=lambda: ["public"])
    kinds: list[Kind] = field(default_factory=list)
    tables: list[Relation] = field(default_factory=list)
    views: list[Relation] = field(default_factory=list)
    sequences: list[str] = field(default_factory=list)
    functions: list[str] = field(default_factory=list)
    trigger_functions: list[str] = field(default_factory=list)
    names: Names = field(init=False)

    def __post_init__(self) -> None:
        self.names = Names(self.rng)

    def add(self, *statements: str) -> None:
        """Write statements."""
        self.statements += statements

    def chance(self, probability: float) -> bool:
        """Return true as often as told."""
        return self.rng.random() < probability

    def rarely(self, probability: float) -> bool:
        """Return true as often as told, or always."""
        return self.everything or self.chance(probability)

    def new(self, kind: str) -> str:
        """Return a new name with a schema before it."""
        return f"{self.rng.choice(self.schemas)}.{self.names.draw(kind)}"

    def describe(self, what: str) -> None:
        """Sometimes comment on what ``COMMENT ON`` calls so."""
        if self.chance(0.3):
            text = literal(self.rng.choice(("", "it's\n\\a", "ü ☃ $$", "x" * 300)) + "!")
            self.add(f"COMMENT ON {what} IS {text}")

    def give(self, what: str, privileges: str, *, owner: str = "") -> None:
        """Sometimes grant, revoke and give away what GRANT calls ``what`` and ALTER ``owner``."""
        role = '"' + self.rng.choice(ROLES).replace('"', '""') + '"'
        if self.chance(0.25):
            option = " WITH GRANT OPTION" if self.chance(0.2) else ""
            self.add(f"GRANT {privileges} ON {what} TO {role}{option}")
        if self.chance(0.1):
            self.add(f"GRANT {privileges} ON {what} TO PUBLIC")
        if self.chance(0.05):
            self.add(f"REVOKE ALL ON {what} FROM CURRENT_USER")
        if self.chance(0.15):
            self.add(f"ALTER {owner or what} OWNER TO {role}")
