"""The guards of a policy: which loss of rows makes a backup suspicious."""

from collections.abc import Iterator

from orchestrator.model.contents import TableName
from orchestrator.model.policy import Guard
from orchestrator.policy.problems import ProblemLog, quoted
from orchestrator.policy.reading.section import Section, Text

_WILDCARDS = frozenset("*?")


def interpret_guards(policy: Section, log: ProblemLog) -> tuple[Guard, ...]:
    """Return the guards of a policy's section that are right; the others are reported."""
    return tuple(_guards(policy, log))


def _guards(policy: Section, log: ProblemLog) -> Iterator[Guard]:
    guarded: set[str] = set()
    for section in policy.sections("guards"):
        written = section.text("table")
        if written is None or not _is_table(written, log):
            continue
        if written.value in guarded:
            log.report(
                written.place,
                f"table {quoted(written.value)} has two guards",
                "write `min_rows` and `max_drop` in one",
            )
        guarded.add(written.value)
        guard = _guard(written, section)
        if not section.has("min_rows") and not section.has("max_drop"):
            log.report(
                section.place,
                f"the guard of {quoted(written.value)} asks for nothing",
                "add `min_rows` or `max_drop`",
            )
        yield guard


def _is_table(written: Text, log: ProblemLog) -> bool:
    if not _WILDCARDS & set(written.value):
        return True
    log.report(
        written.place,
        f"a guard is for one table, and {quoted(written.value)} is a pattern",
        "name the table, such as `public.users`",
    )
    return False


def _guard(written: Text, section: Section) -> Guard:
    schema, _, name = written.value.partition(".")
    drop = section.text("max_drop")
    return Guard(
        table=TableName(schema, name),
        min_rows=section.number("min_rows"),
        max_drop=None if drop is None else int(drop.value.removesuffix("%")),
    )
