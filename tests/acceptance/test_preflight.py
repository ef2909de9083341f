"""`validate --online`, `doctor`, and databases by pattern, as a user meets them."""

from pathlib import Path

from tests.support.command_line import POLICY, Workplace
from tests.support.postgres import Server

BY_PATTERN = POLICY.replace("lock_timeout: 3s", 'databases: ["app_*"]\n      lock_timeout: 3s')


def test_validate_online_says_everything_that_is_wrong_at_once_with_the_remedy(
    postgres_server: Server, tmp_path: Path
):
    database = postgres_server.create_database()
    database.execute("CREATE TABLE closed (id int)")
    role = postgres_server.create_role()
    workplace = Workplace(tmp_path, database.url_for(role), alert_url="nosuch://service")

    workplace.backups.mkdir()
    (workplace.backups / "strange.txt").touch()

    online = workplace.run("validate", "--online", expect=1)
    assert "GRANT SELECT ON TABLE" in online.err
    assert "channel ops" in online.err
    assert "destination local" in online.err
    assert "online: 3 problems" in online.out


def test_validate_online_is_content_with_what_works_and_leaves_nothing_behind(
    postgres_server: Server, tmp_path: Path
):
    database = postgres_server.create_database()
    workplace = Workplace(tmp_path, database.url)
    workplace.backups.mkdir()
    found = workplace.run("validate", "--online", "--json").document
    assert {one["severity"] for one in found["online"]} <= {"warning", "note"}
    assert workplace.stored_files() == []


def test_a_server_that_is_down_is_one_problem_and_has_its_exit_code(tmp_path: Path):
    workplace = Workplace(tmp_path, "postgresql://backup@127.0.0.1:1/app", policy=BY_PATTERN)
    workplace.backups.mkdir()
    result = workplace.run("validate", "--online", expect=69)
    assert "start the server" in result.err
    assert "online: 1 problem," in result.out


def test_each_database_that_fits_is_backed_up_and_one_that_vanishes_is_said(
    postgres_server: Server, tmp_path: Path
):
    for name in ("app_a", "app_b", "other"):
        postgres_server.create_database(name)
    workplace = Workplace(tmp_path, postgres_server.url(), policy=BY_PATTERN)
    workplace.run("apply")
    assert sorted(one["database"] for one in workplace.listed()) == ["app_a", "app_b"]

    postgres_server.database("postgres").execute("DROP DATABASE app_b")
    checked = workplace.run("status", "--check", expect=2)
    assert "the server has no database 'app_b' any more" in checked.out
    (row,) = [
        line for line in workplace.run("status").out.splitlines() if "practice/app_b  " in line
    ]
    assert "BROKEN" in row


def test_the_doctor_names_client_programs_server_and_files_that_others_may_read(
    postgres_server: Server, tmp_path: Path
):
    secret = tmp_path / "url"
    secret.write_text(postgres_server.url())
    secret.chmod(0o644)
    policy = POLICY.replace("${env:DATABASE_URL}", f"${{file:{secret}}}")
    workplace = Workplace(tmp_path, "unused", policy=policy)
    report = workplace.run("doctor", "--json").document
    assert report["well"] is True
    said = [f"{one['severity']}: {one['subject']}: {one['what']}" for one in report["findings"]]
    assert any(line.startswith("warning: files:") and str(secret) in line for line in said)
    assert any("are used for it" in line for line in said)
    assert any("have known holes" in line or "for servers up to" in line for line in said)


def test_the_doctor_s_exit_code_is_1_when_something_is_wrong(tmp_path: Path):
    workplace = Workplace(tmp_path, "postgresql://backup@127.0.0.1:1/app")
    assert "cannot be reached" in workplace.run("doctor", expect=1).err
