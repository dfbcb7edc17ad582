"""requirements*.txt, pyproject.toml, environment.yml and the README hold together."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from tools.course import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins(name: str) -> dict[str, str]:
    """The exact versions in a requirements file."""
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines), "exact versions only"
    return dict(line.split("==") for line in lines)


RANGES = {r.name: r.specifier for r in map(Requirement, PROJECT["dependencies"])}


def test_every_range_has_a_pin_inside_it_and_no_pin_is_left_over():
    exact = pins("requirements.txt")
    assert exact.keys() == RANGES.keys()
    for name, version in exact.items():
        assert RANGES[name].contains(version), f"{name}=={version} is outside {RANGES[name]}"
        bounds = {spec.operator for spec in RANGES[name]}
        assert bounds == {">=", "<"}, f"{name} needs a lower and an upper bound"


@pytest.mark.parametrize("name", sorted(RANGES))
def test_what_is_installed_is_within_the_ranges(name):
    """CI runs the tests with the exact versions, and again with the newest within the ranges."""
    assert RANGES[name].contains(metadata.version(name).split("+")[0])


def test_files_name_each_other():
    dev = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    conda = (ROOT / "environment.yml").read_text(encoding="utf-8")
    assert "-r requirements.txt" in dev and "-r requirements.txt" in conda
    assert not pins("requirements.txt").keys() & pins("requirements-dev.txt").keys()
    assert pins("requirements-d2l.txt") == {"d2l": "0.17.6"}
    python = re.search(r"python=(3\.\d+)", conda)[1]
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python)


def test_the_two_commands_are_what_readme_makefile_and_ci_say():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make run-all" in readme and "make test" in readme
    assert re.search(r"^run-all:", makefile, re.M) and re.search(r"^test:", makefile, re.M)
    assert (ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("make test")
