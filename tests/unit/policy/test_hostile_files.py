"""Files made to exhaust, to execute or to deceive are refused at once (faults S01, S03)."""

from pathlib import Path
from time import perf_counter

import pytest

from orchestrator.policy.load import load_policies
from tests.unit.policy.policy_text import VALID, load, problems

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{letter}: &{letter} [{', '.join(['*' + before] * 9)}]\n"
    for before, letter in zip("abcdefg", "bcdefgh", strict=True)
)

PAYLOADS = {
    "a bomb of aliases": (BOMB, "anchors such as `&a` are not allowed"),
    "two thousand levels of lists": ("a: " + "[" * 2000 + "]" * 2000, "more than 20 levels"),
    "half a million open brackets": ("[" * 500_000, "more than 20 levels"),
    "half a million open braces": ("{" * 500_000, "more than 20 levels"),
    "deep question marks": ("? " * 300_000, "more than 20 levels"),
    "levels by indentation": (
        "".join(f"{' ' * level}a:\n" for level in range(700)),
        "more than 20 levels",
    ),
    "a quarter of a million values": ("- a\n" * 250_000, "more than 50000 values"),
    "as many in one line": (f"[{'a,' * 500_000}]", "more than 50000 values"),
    "more than a MiB": ("#" * (1024 * 1024 + 1), "larger than 1 MiB"),
    "twenty thousand wrong keys": (
        "version: 1\n" + "".join(f"k{number}: 1\n" for number in range(20_000)),
        "from here on there are 19900 further unknown keys",
    ),
    "twenty thousand repetitions": (
        "version: 1\npolicies: {p: {tables: {exclude: [" + "a.b," * 20_000 + "]}}}",
        "there are 1000 problems and more",
    ),
    "a billion digits": ("version: " + "9" * 900_000, "more digits"),
    "a key as long as the file": ("x" * 900_000 + ": 1\n", "not YAML"),
}


@pytest.mark.parametrize(("text", "expected"), PAYLOADS.values(), ids=PAYLOADS)
def test_a_hostile_file_is_refused_within_seconds(tmp_path: Path, text: str, expected: str):
    (tmp_path / "a.yaml").write_text(text)
    began = perf_counter()

    loaded = load_policies(tmp_path, environment={})

    assert perf_counter() - began < 5, "generous: shared machines are slow"
    assert loaded.desired is None
    assert any(expected in str(problem) for problem in loaded.problems)


def test_a_tag_that_would_execute_does_not(tmp_path: Path):
    trace = tmp_path / "executed"
    text = f'a: !!python/object/apply:os.mkdir ["{trace}"]\n'

    load(tmp_path, text)

    assert not trace.exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (VALID.encode("utf-16"), "1:1: the text is UTF-16"),
        (VALID.replace("ops:", "öps:").encode("latin-1"), "3:3: the text is not UTF-8"),
        (VALID.encode().replace(b"ops", b"o\x07s", 1), "3:4: the control character U+0007"),
        (
            VALID.encode().replace(b"\n", b"\n# \xe2\x80\xa8x\n", 1),
            "2:3: the control character U+2028",
        ),
        (
            VALID.encode().replace(b"\n", b"\n# \xe2\x80\xae\n", 1),
            "2:3: the control character U+202E",
        ),
        (VALID.encode().replace(b"\n", b"\r"), "1:11: the control character U+000D"),
        (b"version: 1\n\x00", "2:1: the control character U+0000"),
    ],
)
def test_bytes_that_are_no_honest_text_are_refused_at_their_place(
    tmp_path: Path, content: bytes, expected: str
):
    (tmp_path / "a.yaml").write_bytes(content)

    assert problems(tmp_path)[0].startswith(f"a.yaml:{expected}")


@pytest.mark.parametrize(
    "content", [b"\xef\xbb\xbf" + VALID.encode(), VALID.replace("\n", "\r\n").encode()]
)
def test_a_byte_order_mark_and_windows_line_ends_are_honest(tmp_path: Path, content: bytes):
    (tmp_path / "a.yaml").write_bytes(content)

    assert problems(tmp_path) == []
