"""What the entry point does before and after a verb is imported."""

import gc
import signal
import subprocess
import sys
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


ENDS_SLOWLY = """
import atexit, sys, time
from orchestrator.cli.main import main
atexit.register(lambda: (print("ends", flush=True), time.sleep(30)))
sys.argv[1:] = ["schema"]
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_end_of_the_program_is_ended_by_a_signal_without_a_traceback(number: signal.Signals):
    with subprocess.Popen(
        [sys.executable, "-c", ENDS_SLOWLY], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        while process.stdout.readline() != b"ends\n":
            assert process.poll() is None
        process.send_signal(number)
        _, err = process.communicate(timeout=10)
    assert (process.returncode, err) == (-number, b"")


IS_INTERRUPTED_IN_A_FINALIZER = """
import _thread, logging, sys, time, weakref
from orchestrator.cli import main
from orchestrator.cli.logging_setup import configure_logging
def interrupted_while_collecting(*_, **__):
    configure_logging(0, as_json=False)
    collected = type("Collected", (), {})()
    weakref.finalize(collected, _thread.interrupt_main)
    del collected
    logging.getLogger("library").error("closing failed", exc_info=KeyboardInterrupt())
    time.sleep(30)
main.cli.main = interrupted_while_collecting
main.main()
"""


def test_an_interruption_that_meets_a_finalizer_is_not_lost_and_shows_no_traceback():
    program = [sys.executable, "-c", IS_INTERRUPTED_IN_A_FINALIZER]
    ended = subprocess.run(program, capture_output=True, text=True, check=False, timeout=20)
    said = "interrupted: nothing half done is listed; run it again to go on\n"
    assert (ended.returncode, ended.stderr) == (main.ExitCode.INTERRUPTED, said)
