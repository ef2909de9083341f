"""The example units are valid, and name commands and options that exist."""

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import COMMAND

UNITS = Path(__file__).parents[2] / "examples" / "systemd"
NAMES = sorted(path.name for path in UNITS.iterdir() if path.suffix in {".service", ".timer"})
INSTALLED = "/opt/orchestrator/bin/orchestrator"
ANALYZE = shutil.which("systemd-analyze")
HARDENING = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "CapabilityBoundingSet": "",
    "UMask": "0077",
}


def parsed(name: str) -> configparser.ConfigParser:
    unit = configparser.ConfigParser(interpolation=None, strict=False, delimiters="=")
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    unit.read_string((UNITS / name).read_text(encoding="utf-8"))
    return unit


def test_there_are_a_service_and_a_timer_with_its_service():
    assert NAMES == [
        "orchestrator-apply.service",
        "orchestrator-apply.timer",
        "orchestrator.service",
    ]


if ANALYZE is not None:

    def test_systemd_verifies_every_unit(tmp_path: Path):
        for name in NAMES:
            text = (UNITS / name).read_text(encoding="utf-8").replace(INSTALLED, COMMAND)
            (tmp_path / name).write_text(text)
        ended = subprocess.run(
            [ANALYZE, "verify", "--man=no", *(tmp_path / name for name in NAMES)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")

else:

    def test_units_parse_as_sections_and_keys_but_systemd_is_not_here_to_verify_them():
        for name in NAMES:
            sections = set(parsed(name).sections())
            assert "Unit" in sections
            assert sections <= {"Unit", "Service", "Timer", "Install"}


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".service")])
def test_a_service_is_hardened_and_starts_a_command_that_exists(name: str):
    service = parsed(name)["Service"]
    assert {key: service[key] for key in HARDENING} == HARDENING
    program, *arguments = shlex.split(service["ExecStart"])
    assert program == INSTALLED
    assert {"run", "apply"} & set(arguments)
    # An option that does not exist is an error even where help is asked for.
    asked = subprocess.run([COMMAND, *arguments, "--help"], capture_output=True, check=False)
    assert (asked.returncode, asked.stderr) == (0, b"")


def test_the_service_has_more_time_to_stop_than_its_runs_have_to_end():
    service = parsed("orchestrator.service")["Service"]
    arguments = shlex.split(service["ExecStart"])
    grace = arguments[arguments.index("--grace") + 1]
    assert grace == "5m"
    assert int(service["TimeoutStopSec"]) >= 5 * 60 + 10
