import re
import subprocess
from pathlib import Path

from orchestrator.archive.layout import RESTORE_KEY
from orchestrator.archive.restore_instructions import (
    restore_instructions,
    restore_instructions_are_intact,
)

TEXT = restore_instructions().decode()


def test_the_instructions_as_written_are_intact():
    assert restore_instructions_are_intact(restore_instructions())


def test_every_changed_bit_is_found():
    data = restore_instructions()
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position % 8)
        assert not restore_instructions_are_intact(bytes(changed))


def test_a_truncated_or_extended_text_is_found():
    data = restore_instructions()
    assert not any(restore_instructions_are_intact(data[:cut]) for cut in range(len(data)))
    assert not restore_instructions_are_intact(data + b"\n")


def test_its_own_check_by_hand_works(tmp_path: Path):
    (tmp_path / RESTORE_KEY).write_bytes(restore_instructions())
    command = f"head -n -1 {RESTORE_KEY} | sha256sum | cut -c 1-64"
    shown = subprocess.run(
        ["/bin/sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert TEXT.splitlines()[-1].endswith(shown.stdout.strip())


def test_the_commands_are_valid_shell(tmp_path: Path):
    script = tmp_path / "restore.sh"
    script.write_text("\n".join(re.findall(r"```bash\n(.*?)```", TEXT, re.DOTALL)))
    subprocess.run(["/bin/sh", "-n", script], check=True)


def test_the_steps_come_in_the_order_that_data_needs():
    steps = ["sha256sum --check", "--section=pre-data", "ask copy_tables", "ask copy_large_objects"]
    steps += ["sequence_value'", "--section=post-data", "REFRESH MATERIALIZED VIEW", "ANALYZE"]
    places = [TEXT.rindex(step) for step in steps]
    assert places == sorted(places)


def test_rows_that_break_a_constraint_do_not_end_a_restore_by_hand():
    step = TEXT.partition("\n## 10. ")[2].partition("\n## 11. ")[0]
    before, command, _ = step.partition("pg_restore --exit-on-error --section=post-data")
    assert command
    assert "violates foreign key constraint" in before
    assert "ADD CONSTRAINT … FOREIGN KEY … NOT VALID" in before
