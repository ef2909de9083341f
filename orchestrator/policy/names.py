"""Names are global: each is defined once, and every reference leads to one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.policy.document import Document
from orchestrator.policy.problems import Place, ProblemLog, did_you_mean, quoted
from orchestrator.policy.reading.nodes import child
from orchestrator.policy.reading.section import Text, entries_of

KINDS = {"policies": "policy", "destinations": "destination", "channels": "channel"}


@dataclass(frozen=True, slots=True)
class Names:
    """What is defined under each of the top-level keys.

    ``certain`` is false where a file, or a whole section of one, cannot be read: then nobody can
    say that a name is unknown.
    """

    defined: Mapping[str, Mapping[str, Place]]
    certain: bool

    def check(self, section: str, reference: Text, log: ProblemLog) -> None:
        """Report a reference to a name that nothing defines."""
        if self.certain and reference.value not in self.defined[section]:
            log.report(
                reference.place,
                f"there is no {KINDS[section]} {quoted(reference.value)}",
                did_you_mean(
                    reference.value,
                    self.defined[section],
                    nothing=f"define it under `{section}`",
                ),
            )


def collect_names(documents: Sequence[Document], *, certain: bool, log: ProblemLog) -> Names:
    """Return all names, and report those that two files define; so also with ``settings``.

    ``certain`` says whether all files could be read.
    """
    defined: dict[str, dict[str, Place]] = {section: {} for section in KINDS}
    settings: dict[str, Place] = {}
    for document in documents:
        root = entries_of(document.written)
        for section, kind in KINDS.items():
            for name, entry in entries_of(child(document.written, section)).items():
                _define(defined[section], f"the {kind} {quoted(name)}", name, entry.key_place, log)
        if "settings" in root:
            _define(settings, "`settings`", "settings", root["settings"].key_place, log)
    return Names(defined, certain and all(document.names_are_certain for document in documents))


def _define(places: dict[str, Place], what: str, name: str, place: Place, log: ProblemLog) -> None:
    first = places.setdefault(name, place)
    if first is not place:
        log.report(place, f"{what} is defined twice", f"the first is at {first}")
