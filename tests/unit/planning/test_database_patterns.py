from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.names import DatabaseName
from orchestrator.planning.database_patterns import is_pattern, match_databases

NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1)


def matched(patterns: list[str], *names: str) -> list[str]:
    return list(match_databases(patterns, map(DatabaseName, names)))


def test_a_star_stands_for_any_text_and_a_question_mark_for_one_character():
    names = ("app", "app_", "app_b", "app_a", "my_app_a")
    assert matched(["app_*"], *names) == ["app_", "app_a", "app_b"]
    assert matched(["app_?"], *names) == ["app_a", "app_b"]


def test_case_counts():
    assert matched(["app*"], "App", "APP_1") == []


def test_a_name_that_two_patterns_fit_is_there_once():
    assert matched(["app_*", "*_a"], "app_a") == ["app_a"]


def test_everything_but_the_wildcards_is_data():
    hostile = ["a.b", "[a]b", "a\nb", "host=evil", "postgresql://x/y", "--help", "a'b", "a\\b", "ä"]
    assert matched(["*"], *hostile) == sorted(hostile)
    for name in hostile:
        assert matched([name + "*"], *hostile, "other") == [name]


@given(NAMES)
def test_a_name_without_wildcards_is_no_pattern_and_fits_itself(name: str):
    assert is_pattern(name) == ("*" in name or "?" in name)
    assert matched([name], name) == [name]
