"""The part of the story in which the room for backups runs out, and somebody is told in time."""

from orchestrator.demo.receiver import AlertReceiver
from orchestrator.demo.stage import Stage, StepFailedError

_ALERT_TIMEOUT = 20.0  # seconds
_MEBIBYTE = 2**20
_PLACE = "    url: file:../backups\n"


def run_out_of_room(stage: Stage, receiver: AlertReceiver) -> None:
    """Declare a capacity that the stored backups nearly fill, and see who is told.

    Raises:
        StepFailedError: nobody is.
    """
    stage.narrator.step(
        "Room runs out",
        "A larger disk was promised and never bought: the policy says how much may be stored, and"
        " from when on that is too little.",
    )
    capacity = _declare_capacity(stage)
    stage.narrator.block(
        {f"capacity: {capacity}MiB": "", "low_storage: {free_below: 25%, full_within: 14d}": ""}
    )
    stage.orchestrator("apply")
    alert = receiver.wait(_ALERT_TIMEOUT)
    if alert is None:
        raise StepFailedError("the room is running out, but no alert arrived")
    stage.narrator.received(
        "What arrived, while every backup still fits:", (alert.title, *alert.message.splitlines())
    )
    if "destination local" not in alert.title + alert.message:
        raise StepFailedError("the alert does not name the destination")


def _declare_capacity(stage: Stage) -> int:
    """Write a capacity into the policy, in MiB, of which less than a quarter is free."""
    stored = sum(
        path.stat().st_size for path in (stage.folder / "backups").rglob("*") if path.is_file()
    )
    capacity = stored // _MEBIBYTE + 1
    [file] = (stage.folder / "policies").glob("*.yaml")
    text = file.read_text("utf-8")
    if text.count(_PLACE) != 1:
        raise StepFailedError(f"{file} has no destination to limit")
    limits = (
        f"    capacity: {capacity}MiB\n    low_storage: {{free_below: 25%, full_within: 14d}}\n"
    )
    file.write_text(text.replace(_PLACE, _PLACE + limits), "utf-8")
    return capacity
