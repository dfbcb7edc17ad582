"""The package as a whole: what it imports, how long its files are, what it names."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

import helpers
from tools.course import ROOT

FILES = sorted((ROOT / "helpers").rglob("*.py"))


def test_importing_helpers_brings_neither_pandas_nor_torchvision_nor_pyplot():
    heavy = "pandas", "torchvision", "matplotlib.pyplot", "pooch", "requests"
    code = f"import helpers, sys; print(sorted(set({heavy}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


def test_an_installed_copy_has_every_folder_of_helpers():
    with (ROOT / "pyproject.toml").open("rb") as file:
        named = tomllib.load(file)["tool"]["setuptools"]["packages"]
    assert sorted(named) == sorted({".".join(p.parent.relative_to(ROOT).parts) for p in FILES})


def test_every_public_name_is_documented():
    for name in helpers.__all__:
        found = getattr(helpers, name)
        assert not callable(found) or found.__doc__, f"helpers.{name} has no docstring"


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_a_file_can_be_read_in_one_sitting(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 220
    assert ast.get_docstring(ast.parse(text)), "a file says first what it holds"
    if "d2l" not in path.relative_to(ROOT).parts[1]:
        names = {n.name for n in ast.walk(ast.parse(text)) if hasattr(n, "name") and n.name}
        assert not [n for n in names if re.search(r"_ch\d+$", n)]


@pytest.mark.parametrize("args", [["check"], ["format", "--check"]], ids=" ".join)
def test_style(args):
    run = subprocess.run(
        [sys.executable, "-m", "ruff", *args, str(ROOT)], capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout
