from pathlib import Path

import pytest

from orchestrator.model.contents import TableName
from orchestrator.model.policy import Guard
from tests.unit.policy.policy_text import changed, only_policy, problems


def with_guards(text: str) -> tuple[str, str]:
    return ("    alerts:", f"    guards: {text}\n    alerts:")


def test_a_policy_without_guards_has_none(tmp_path: Path):
    assert only_policy(tmp_path).guards == ()


def test_guards_are_taken_as_declared(tmp_path: Path):
    text = "[{table: public.users, min_rows: 1, max_drop: 20%}, {table: app.Odd.name, min_rows: 0}]"
    assert only_policy(tmp_path, with_guards(text)).guards == (
        Guard(table=TableName("public", "users"), min_rows=1, max_drop=20),
        Guard(table=TableName("app", "Odd.name"), min_rows=0),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[{table: users, min_rows: 1}]", "`table` must be a table as schema.table"),
        ("[{table: public.user*, min_rows: 1}]", "`public.user*` is a pattern"),
        ("[{table: public.users}]", "the guard of `public.users` asks for nothing"),
        ("[{table: public.users, max_drop: 0.2}]", "`max_drop` must be a percentage"),
        ("[{table: public.users, max_drop: 120%}]", "`max_drop` must be a percentage"),
        ("[{table: public.users, min_rows: -1}]", "`min_rows`"),
        ("[{min_rows: 1}]", "needs `table`"),
        (
            "[{table: public.users, min_rows: 1}, {table: public.users, max_drop: 5%}]",
            "table `public.users` has two guards",
        ),
    ],
)
def test_a_wrong_guard_is_reported_at_its_place(tmp_path: Path, text: str, expected: str):
    (problem,) = problems(tmp_path, changed(with_guards(text)))
    assert problem.startswith("a.yaml:14:")
    assert expected in problem
