"""User-defined types of columns then and now: text of then must mean the same in the type of now."""

from collections.abc import Iterator, Sequence

from orchestrator.engines.postgres.restore.existing.fitting.columns import Difference
from orchestrator.errors import RestoreError
from orchestrator.model.contents import Table, TypeDefinition


def compare_types(
    tables: Sequence[Table], then: Sequence[TypeDefinition], now: Sequence[TypeDefinition]
) -> Iterator[Difference]:
    """Yield every difference between the types that these tables' columns had and have.

    ``now`` are all types that the columns use at present. Only labels that were appended to an enum
    are harmless: whatever else changed, values may be taken for others without an error.
    """
    recorded = {definition.name: definition for definition in then}
    present = {definition.name: definition for definition in now}
    for definition in now:
        difference = _compare(recorded.get(definition.name), definition)
        if difference is not None:
            yield difference
    for name in sorted(_named_by(tables) & recorded.keys() - present.keys()):
        yield Difference(f"type {name} is not the {recorded[name].kind} any more", harmless=False)


def require_same_types(before: Sequence[TypeDefinition], after: Sequence[TypeDefinition]) -> None:
    """Do nothing if no type changed meanwhile: a lock on a table does not hold its types.

    Raises:
        RestoreError: names the types that did.
    """
    changed = sorted({one.name for one in set(before) ^ set(after)})
    if changed:
        raise RestoreError(
            f"somebody altered the types {', '.join(changed)} while rows were loaded",
            next_step="nothing was changed; run it again: it shows them as they are now",
        )


def _named_by(tables: Sequence[Table]) -> set[str]:
    return {_element(column.type) for table in tables for column in table.columns}


def _element(kind: str) -> str:
    while kind.endswith("[]"):
        kind = kind.removesuffix("[]")
    return kind


def _compare(then: TypeDefinition | None, now: TypeDefinition) -> Difference | None:
    if then is None:
        return Difference(
            f"the backup does not tell how the type {now.name} was defined, so its values may mean"
            " something else now (backups of earlier versions of this program do not record it)",
            harmless=False,
        )
    if then == now:
        return None
    if then.kind == now.kind == "enum" and now.parts[: len(then.parts)] == then.parts:
        added = ", ".join(now.parts[len(then.parts) :])
        return Difference(f"type {now.name} has new labels: {added}", harmless=True)
    return Difference(
        f"type {now.name} is {_words(now)} now, and was {_words(then)}", harmless=False
    )


def _words(definition: TypeDefinition) -> str:
    return f"{definition.kind} ({', '.join(definition.parts)})"
