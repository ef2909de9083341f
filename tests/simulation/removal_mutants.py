"""Planted bugs of what is asked right before something is removed: clocks, and marks at the place."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from orchestrator.execution.prune import collect_chunks, look, prune_copy, remove_copy


@contextmanager
def _clock_of_no_place() -> Iterator[None]:
    name = "refuse_if_clocks_differ"
    with patch.object(prune_copy, name), patch.object(collect_chunks, name):
        yield


def _clock_of_no_database() -> AbstractContextManager[Any]:
    return patch.object(look, "_other_clocks", lambda *_: {})


def _marks_of_the_catalog_alone() -> AbstractContextManager[Any]:
    return patch.object(prune_copy, "learn_marks", lambda backup, *_: backup)


def _finish_at_any_price() -> AbstractContextManager[Any]:
    begun = property(lambda removal: removal.has_begun)
    return patch.object(remove_copy.Removal, "is_half_gone", begun)


REMOVAL_MUTANTS: Mapping[str, Any] = {
    "clock of the destination not asked": _clock_of_no_place,
    "clock of the database not asked": _clock_of_no_database,
    "marks at the destination not read": _marks_of_the_catalog_alone,
    "removal that has begun not decided again": _finish_at_any_price,
}
