"""`renamed_from`: a policy's former name, which nothing else in the files may claim."""

from collections.abc import Iterator, Sequence

from orchestrator.policy.document import Document
from orchestrator.policy.names import Names
from orchestrator.policy.problems import ProblemLog, quoted
from orchestrator.policy.reading.section import Section, Text


def check_renames(documents: Sequence[Document], names: Names, log: ProblemLog) -> None:
    """Report each former name that is a policy now, or that two policies claim, with both places."""
    claimed: dict[str, Text] = {}
    for policy, former in _renames(documents):
        first = claimed.setdefault(former.value, former)
        present = names.defined["policies"].get(former.value)
        if former.value == policy.value:
            log.report(
                former.place,
                f"{quoted(policy.value)} is renamed from itself",
                "write its former name, or remove the line",
            )
        elif present is not None:
            log.report(
                former.place,
                f"{quoted(policy.value)} cannot carry on the backups of {quoted(former.value)},"
                " which is a policy itself",
                f"it is at {present}; remove it there, or this line",
            )
        elif first is not former:
            log.report(
                former.place,
                f"two policies are renamed from {quoted(former.value)}",
                f"the first is at {first.place}",
            )


def _renames(documents: Sequence[Document]) -> Iterator[tuple[Text, Text]]:
    for document in documents:
        for name, section in Section(document.checked.place, document.checked).named("policies"):
            former = section.text("renamed_from")
            if former is not None:
                yield name, former
