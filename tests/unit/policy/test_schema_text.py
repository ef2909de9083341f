"""The schemas are found in a checkout and in an installed wheel."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from orchestrator.errors import UnexpectedError
from orchestrator.schemas import schema_text

ROOT = Path(__file__).parents[3]


def test_a_checkout_has_its_schemas_beside_the_package():
    assert json.loads(schema_text("policy"))["title"] == "a policy file of the backup orchestrator"


def test_a_wheel_has_its_schemas_inside_the_package_and_prefers_them(tmp_path: Path):
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    inside = build["targets"]["wheel"]["force-include"]["schemas"]
    (tmp_path / "orchestrator").mkdir()
    for name in ("__init__.py", "errors.py", "schemas.py"):
        shutil.copy(ROOT / "orchestrator" / name, tmp_path / "orchestrator")
    (tmp_path / inside).mkdir()
    (tmp_path / inside / "policy.schema.json").write_text("inside")
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "policy.schema.json").write_text("a stranger's")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
    program += "from orchestrator.schemas import schema_text; print(schema_text('policy'))"

    answer = subprocess.check_output([sys.executable, "-I", "-c", program], text=True)

    assert answer == "inside\n"


def test_a_schema_that_is_missing_is_named():
    with pytest.raises(UnexpectedError, match="nonsense"):
        schema_text("nonsense")
