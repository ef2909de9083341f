"""`renamed_from`: a former name that nothing else in the files may claim."""

from pathlib import Path

from tests.unit.policy.policy_text import VALID, changed, load, only_policy, problems

OFFICE = VALID.replace("  practice:\n", "  office:\n    renamed_from: practice\n")


def other_file(text: str) -> str:
    """The policies of a file alone, for a second one."""
    return f"version: 1\npolicies:\n{text.partition('policies:' + chr(10))[2]}"


def test_a_former_name_is_kept_with_the_policy(tmp_path: Path):
    policy = only_policy(tmp_path, ("  practice:\n", "  office:\n    renamed_from: practice\n"))
    assert (policy.name, policy.renamed_from) == ("office", "practice")


def test_a_policy_without_one_has_none(tmp_path: Path):
    assert only_policy(tmp_path).renamed_from is None


def test_an_old_and_a_new_name_in_the_files_are_a_problem_with_both_places(tmp_path: Path):
    (found,) = problems(tmp_path, OFFICE, other_file(VALID))
    assert found.startswith(
        "a.yaml:8:19: `office` cannot carry on the backups of `practice`, which is a policy itself"
    )
    assert found.endswith("it is at b.yaml:3:3; remove it there, or this line")


def test_two_policies_cannot_have_one_former_name(tmp_path: Path):
    second = other_file(OFFICE.replace("  office:", "  bureau:"))
    (found,) = problems(tmp_path, OFFICE, second)
    assert found.startswith("b.yaml:4:19: two policies are renamed from `practice`")
    assert "a.yaml:8:19" in found


def test_a_policy_is_not_renamed_from_itself(tmp_path: Path):
    text = changed(("  practice:\n", "  practice:\n    renamed_from: practice\n"))
    (found,) = problems(tmp_path, text)
    assert found.startswith("a.yaml:8:19: `practice` is renamed from itself")


def test_a_chain_in_one_set_of_files_is_a_problem(tmp_path: Path):
    second = other_file(VALID.replace("  practice:\n", "  bureau:\n    renamed_from: office\n"))
    (found,) = problems(tmp_path, OFFICE, second)
    assert "`bureau` cannot carry on the backups of `office`" in found


def test_a_former_name_that_nothing_knows_is_no_problem(tmp_path: Path):
    assert load(tmp_path, OFFICE).problems == ()
