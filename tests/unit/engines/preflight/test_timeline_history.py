import pytest

from orchestrator.engines.postgres.backup.wal_position import read_history
from orchestrator.model.contents import TimelineEnd

FIRST, SECOND = TimelineEnd(timeline=1, position=0x3_000000A0), TimelineEnd(timeline=2, position=16)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1\t3/A0\tno recovery target specified\n", (FIRST,)),
        ('# a comment\n1\t3/000000A0\tbefore 2026-11-22\n\n2\t0/10\tat "x"\n', (FIRST, SECOND)),
        ("", ()),
        ("1 A0 what is this\n", None),
        ("1\t3/A0\tx\nnonsense\n", None),
    ],
)  # fmt: skip
def test_a_history_file_is_read_as_a_whole_or_not_at_all(
    text: str, expected: tuple[TimelineEnd, ...] | None
):
    assert read_history(text) == expected
