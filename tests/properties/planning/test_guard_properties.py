"""What holds of the guards whatever the tables are."""

from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.model.contents import Details
from orchestrator.planning.guards import Reference, judge
from tests.support.builders import a_backup
from tests.support.marks import details_of

NAMES = st.text("abcdefgh", min_size=1, max_size=3)
TABLES = st.dictionaries(NAMES, st.integers(0, 10_000), max_size=8)


def is_suspicious(was: Details, now: Details) -> bool:
    return bool(judge(now, Reference(backup=a_backup(), details=was), ()).reasons)


@given(TABLES, TABLES)
def test_growth_is_never_suspicious(was: dict[str, int], more: dict[str, int]):
    now = {name: was.get(name, 0) + more.get(name, 0) for name in was.keys() | more.keys()}
    assert not is_suspicious(details_of(**was), details_of(**now))


@given(TABLES, TABLES)
def test_a_backup_is_suspicious_exactly_if_the_rules_of_the_design_say_so(
    was: dict[str, int], now: dict[str, int]
):
    lost = any(rows and not now.get(name) for name, rows in was.items())
    gone = any(name not in now for name in was)
    halved = sum(was.values()) > 0 and 2 * sum(now.values()) <= sum(was.values())
    # Each row is 100 bytes, and the large object beside them 16: no other rule can fire alone.
    assert is_suspicious(details_of(**was), details_of(**now)) == (lost or gone or halved)


@given(TABLES, st.data())
def test_losing_more_is_never_less_suspicious(was: dict[str, int], data: st.DataObject):
    assume(was)
    now = {name: data.draw(st.integers(0, rows)) for name, rows in was.items()}
    less = {name: data.draw(st.integers(0, rows)) for name, rows in now.items()}
    if is_suspicious(details_of(**was), details_of(**now)):
        assert is_suspicious(details_of(**was), details_of(**less))
