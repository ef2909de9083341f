"""What the entry point does before and after a verb is imported."""

import gc
from collections.abc import Iterator

import pytest

from orchestrator.cli import main


@pytest.fixture(autouse=True)
def garbage_collection_as_before() -> Iterator[None]:
    yield
    gc.enable()
    gc.unfreeze()


def test_garbage_is_collected_while_a_verb_works():
    gc.disable()
    main.run(["schema"])
    assert gc.isenabled()


def test_what_the_imports_made_is_never_looked_at_again():
    gc.disable()
    main.run(["schema"])
    assert gc.get_freeze_count() > 0


def test_a_program_that_calls_us_keeps_its_own_collection():
    main.run(["schema"])
    assert gc.get_freeze_count() == 0


def test_imports_are_not_interrupted_by_collection(monkeypatch: pytest.MonkeyPatch):
    seen: list[bool] = []
    monkeypatch.setattr(main.signal, "signal", lambda *_: None)
    monkeypatch.setattr(main, "run", lambda _: seen.append(gc.isenabled()) or main.ExitCode.DONE)
    with pytest.raises(SystemExit):
        main.main()
    assert seen == [False]
