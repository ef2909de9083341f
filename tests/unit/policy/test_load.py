"""All problems of all files at once, each at its place, each once."""

import os
import shutil
from pathlib import Path

import pytest

from orchestrator.policy.load import load_policies
from tests.unit.policy.policy_text import ENVIRONMENT, VALID, changed, desired, load, problems

TWELVE_MISTAKES = """\
version: 1
destinations:
  local: {url: file:./backups}
  local: {url: file:./other}
policies:
  practice:
    timezone: Europe/Londn
    sources:
      engine: postgresql
    schedules:
      daily: {cron: "0 25 * * *", grace: 30}
      odd: {cron: "@daily", catchup: 3h}
    retention:
      tiers: {hourly: 7d, daily: 3d, weekly: 3m}
      min_keep: no
    destinations: [locl]
    verify: {after_backup: contents}
    guards: [{table: users}]
"""


def test_a_file_with_twelve_and_more_mistakes_reports_every_one_at_its_place(tmp_path: Path):
    found = [line.split("; ")[0] for line in problems(tmp_path, TWELVE_MISTAKES)]

    assert found == [
        "a.yaml:4:3: the key `local` stands here twice, first on line 3",
        "a.yaml:7:15: there is no time zone `Europe/Londn`",
        "a.yaml:8:5: unknown key `sources`",
        "a.yaml:11:21: the hour `25` is outside 0 to 23",
        "a.yaml:11:42: `grace` must be a duration with a unit (s, m, h, d or w), not the number `30`",
        "a.yaml:12:19: `@daily` is not allowed",
        "a.yaml:12:29: unknown key `catchup`",
        "a.yaml:14:34: the daily window `3d` must be longer than the hourly window `7d`",
        "a.yaml:14:46: `weekly` must be a length of time with a unit (h, d, w, mo or y), not the text `3m`",
        "a.yaml:15:17: `min_keep` must be a whole number, not the text `no`",
        "a.yaml:16:20: there is no destination `locl`",
        "a.yaml:17:28: `after_backup` cannot be `contents`",
        "a.yaml:18:22: `table` must be a table as schema.table, not the text `users`",
    ]


@pytest.mark.parametrize(
    ("mistake", "expected"),
    [
        (("schedules:", "scheduls:"), "a.yaml:9:5: unknown key `scheduls`"),
        (("destinations:\n  local", "destination:\n  local"), "a.yaml:4:1: unknown key `destinati"),
        (("{url: file:./backups}", "5"), "a.yaml:5:10: `local` must be a mapping"),
        (("{url: file:./backups}", ""), "a.yaml:5:9: `local` is empty"),
        (("tiers: {daily: 30d}", "tiers: 30d"), "a.yaml:12:14: `tiers` must be a mapping"),
        (("tiers: {daily: 30d}", "tiers: {}"), "a.yaml:12:14: `tiers` is empty"),
        (("version: 1", 'version: "1"'), "a.yaml:1:10: `version` must be a whole number"),
        (("version: 1", "version: 2"), "a.yaml:1:10: `version` must be 1"),
        (("version: 1\n", ""), "a.yaml:1:1: the file needs `version`"),
        (("[local]", "local"), "a.yaml:13:19: `destinations` must be a list"),
        (("[local]", "[]"), "a.yaml:13:19: `destinations` is empty"),
        (("  practice:", "  my practice:"), "a.yaml:7:3: `my practice` cannot be a name"),
        (("  practice:", "  7:"), "a.yaml:7:3: a key must be text"),
        (("[all]", "[all, all]"), "a.yaml:14:34: item 2 of `on` stands there already"),
        (("{to: ops", "{to: obs"), "a.yaml:14:19: there is no channel `obs`"),
        (("engine: postgresql, ", ""), "a.yaml:8:5: `source` needs `engine`"),
        (("postgresql,", "postgres,"), "a.yaml:8:22: `engine` cannot be `postgres`"),
    ],
)
def test_one_mistake_is_one_problem(tmp_path: Path, mistake: tuple[str, str], expected: str):
    [found] = problems(tmp_path, changed(mistake))

    assert found.startswith(expected)


def test_a_syntax_error_in_one_file_hides_nothing_in_the_others_and_causes_nothing_there(
    tmp_path: Path,
):
    references_into_b = changed(("destinations:\n  local: {url: file:./backups}\n", ""))
    broken = "version: 1\ndestinations:\n  local: {url: file:./backups\n"

    found = problems(tmp_path, references_into_b.replace("0 2", "0 99"), broken)

    assert [line.split(": ")[0] for line in found] == ["a.yaml:8:21", "b.yaml:4:1"]


def test_a_name_that_two_files_define_shows_both_places(tmp_path: Path):
    second = 'version: 1\nchannels:\n  ops: {url: "json://localhost"}\nsettings: {}\n'

    found = problems(tmp_path, f"{VALID}settings: {{max_parallel: 3}}\n", second)

    assert found == [
        "b.yaml:3:3: the channel `ops` is defined twice; the first is at a.yaml:3:3",
        "b.yaml:4:1: `settings` is defined twice; the first is at a.yaml:15:1",
    ]


def test_files_of_folders_below_form_one_desired_state(tmp_path: Path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "places.yml").write_text(
        "version: 1\ndestinations:\n  local: {url: file:../copies}\n"
    )
    text = changed(("destinations:\n  local: {url: file:./backups}\n", ""))

    state = desired(tmp_path, text)

    [destination] = state.destinations.values()
    assert destination.url == (tmp_path / "copies").as_uri()


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], "there are no policy files here"),
        (["version: 1\n"], "no policy is declared in any file"),
        (["version: 1\npolicies: {}\n"], "no policy is declared in any file"),
        (["# nothing yet\n"], "the file is empty"),
        (["---\n"], "the file is empty"),
        ([""], "the file is empty"),
    ],
)
def test_an_empty_policy_set_is_a_problem(tmp_path: Path, texts: list[str], expected: str):
    loaded = load(tmp_path, *texts)

    assert loaded.desired is None
    assert [problem.message for problem in loaded.problems] == [expected]


def test_a_directory_that_is_not_there_is_a_problem(tmp_path: Path):
    loaded = load_policies(tmp_path / "nowhere", environment={})

    assert loaded.desired is None
    assert str(loaded.problems[0]).startswith(f"{tmp_path}/nowhere:1:1: there is no such directory")


def test_files_are_shown_as_the_user_named_their_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a.yaml").write_text("version: 3\n")
    monkeypatch.chdir(tmp_path)

    loaded = load_policies(Path("mine"), environment={})

    assert [problem.file for problem in loaded.problems] == ["mine/a.yaml"]


def test_links_that_lead_out_of_the_directory_are_problems(tmp_path: Path):
    outside, policies = tmp_path / "outside", tmp_path / "policies"
    outside.mkdir()
    policies.mkdir()
    (outside / "x.yaml").write_text(VALID)
    (policies / "file.yaml").symlink_to(outside / "x.yaml")
    (policies / "folder").symlink_to(outside)
    (policies / "circle.yaml").symlink_to("circle.yaml")

    loaded = load_policies(policies, environment=ENVIRONMENT)

    assert [(Path(problem.file).name, problem.message) for problem in loaded.problems] == [
        ("circle.yaml", "is not a regular file"),
        ("file.yaml", "is a symbolic link that leads out of the policies directory"),
        ("folder", "folders that are symbolic links are not followed"),
    ]


def test_a_mounted_kubernetes_configuration_is_read_once(tmp_path: Path):
    (tmp_path / "..2026_11_22").mkdir()
    (tmp_path / "..2026_11_22" / "a.yaml").write_text(VALID)
    (tmp_path / "..data").symlink_to("..2026_11_22")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")

    assert load_policies(tmp_path, environment=ENVIRONMENT).problems == ()


def test_a_pipe_named_like_a_policy_is_a_problem_and_is_not_waited_for(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.yaml")

    assert problems(tmp_path, VALID) == ["pipe.yaml:1:1: is not a regular file"]


def test_the_digest_changes_with_every_byte_and_name_and_with_nothing_else(tmp_path: Path):
    first = desired(tmp_path, VALID).revision
    again = desired(tmp_path, VALID).revision
    commented = desired(tmp_path, f"{VALID}# more\n").revision
    (tmp_path / "a.yaml").rename(tmp_path / "z.yaml")
    renamed = desired(tmp_path).revision

    assert first == again
    assert len({first.digest, commented.digest, renamed.digest}) == 3


def test_the_revision_names_the_commit_of_a_work_tree_and_none_without_one(tmp_path: Path):
    environment = {**ENVIRONMENT, "PATH": os.environ["PATH"]}
    without = load(tmp_path, VALID, environment=environment).desired
    commit = "0123456789abcdef0123456789abcdef01234567"
    for name, content in {
        "HEAD": "ref: refs/heads/main\n",
        "config": "[core]\n\trepositoryformatversion = 0\n",
        "refs/heads/main": f"{commit}\n",
        "objects/README": "",
    }.items():
        (tmp_path / ".git" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".git" / name).write_text(content)

    within = load(tmp_path, environment=environment).desired

    assert without is not None
    assert within is not None
    assert without.revision.git_commit is None
    # On a machine without git nobody can say which commit it is, and nothing else changes.
    assert within.revision.git_commit == (commit if shutil.which("git") else None)


def test_a_git_that_fails_or_talks_nonsense_leaves_the_commit_unknown(tmp_path: Path):
    for body in ("exit 1", "echo nonsense"):
        program = tmp_path / "git"
        program.write_text(f"#!/bin/sh\n{body}\n")
        program.chmod(0o755)

        loaded = load(tmp_path, VALID, environment={**ENVIRONMENT, "PATH": str(tmp_path)})

        assert loaded.desired is not None
        assert loaded.desired.revision.git_commit is None
