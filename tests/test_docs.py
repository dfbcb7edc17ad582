"""What the documents promise: addresses, links, commands, the script, the list of chapters."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tools.course import ROOT, notebooks

READMES = ("README.md", "README.zh-CN.md")
DOCUMENTS = (*READMES, "COURSE.md", "CONTRIBUTING.md", "CHANGELOG.md")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CHAPTERS = [
    "01_data_ops", "02_linear_algebra", "03_autograd", "04_linear_regression",
    "05_softmax_regression", "06_perceptron", "07_mlp", "08_model_selection", "09_regularization",
    "10_numerical_stability", "11_layers_and_blocks", "12_parameters", "13_convolutions",
    "14_pooling", "15_lenet", "16_alexnet", "17_vgg", "18_nin", "19_googlenet", "20_batch_norm",
    "21_resnet", "22_multi_gpu", "23_distributed", "24_image_augmentation", "25_fine_tuning",
]  # fmt: skip
ADDRESS = re.compile(  # wherever this repository's owner and name stand
    r"(?:git clone [^\n]*?github\.com/|colab\.research\.google\.com/github/|mybinder\.org/v2/gh/"
    r"|git grep -l )([\w.-]+/[\w.-]+)"
)


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[str]:
    """The fenced blocks of a document, each with its language: "sh\\nmake lab\\n"."""
    return re.findall(r"^```(\w+\n.*?)^```", read(name), re.MULTILINE | re.DOTALL)


def table(name: str, heading: str) -> list[list[str]]:
    """The body rows of the first table below a heading."""
    text = read(name).partition(heading)[2]
    lines = re.search(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def repository(folder: Path = ROOT) -> str:
    """owner/name, as pyproject.toml has it."""
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].removeprefix("https://github.com/")


# ---- addresses and links -----------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_repositorys_address_is_the_one_in_pyproject(name):
    found = ADDRESS.findall(read(name))
    assert set(found) <= {repository()}
    if name in READMES:
        assert len(found) >= 4, "start, Colab twice, Binder"


def test_one_command_moves_the_repository_to_another_home(tmp_path):
    command = next(b for b in blocks("CONTRIBUTING.md") if "git grep -l" in b).split("\n", 1)[1]
    if os.name == "nt" or not (shutil.which("perl") and shutil.which("git")):
        pytest.skip("the command needs a shell, git and perl")
    for name in (*DOCUMENTS, "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    subprocess.run("git init -q && git add .", shell=True, cwd=tmp_path, check=True)
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert repository(tmp_path) == "you/your-course"
    moved = [(tmp_path / name).read_text(encoding="utf-8") for name in (*DOCUMENTS,)]
    assert {a for text in moved for a in ADDRESS.findall(text)} == {"you/your-course"}
    assert not any(repository() in text for text in moved)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_within_the_repository_lead_somewhere(name):
    links = re.findall(r"\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"", read(name))
    for link in (a or b for a, b in links):
        path, _, anchor = link.partition("#")
        if link.startswith("https://"):
            continue
        assert (ROOT / path).exists(), f"{name} links to {path}, which is not there"
        if anchor:
            assert anchor in anchors(path or name), f"{name} links to {link}: no such heading"


def anchors(name: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    titles = re.findall(r"^#+ (.+)$", read(name), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_rows_of_a_table_are_of_one_length(name):
    for found in re.findall(r"(?:^\|.*\n)+", read(name), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in found.splitlines()}) == 1, found


# ---- the READMEs -------------------------------------------------------------------------------


@pytest.mark.parametrize("name, other", [READMES, READMES[::-1]])
def test_a_readme_is_short_and_links_its_twin_at_the_top(name, other):
    lines = read(name).splitlines()
    assert len(lines) <= 150
    assert f"]({other})" in "\n".join(lines[:4])
    assert "softmax1.svg" in read(name) and ".github/notebook_page." in read(name)


def test_both_readmes_give_the_same_commands():
    assert blocks(READMES[0]) == blocks(READMES[1])
    codes = [set(re.findall(r"`((?:make|python|pip|git|conda) [^`]+)`", read(n))) for n in READMES]
    without_language = [{re.sub("EDITION=..", "", code) for code in found} for found in codes]
    assert without_language[0] == without_language[1]


@pytest.mark.parametrize(
    "name, mark", [("README.md", "not yet run"), ("README.zh-CN.md", "尚未实测")]
)
def test_what_nobody_has_tried_is_marked(name, mark):
    for way in ("**VS Code", "**Colab", "**Binder", "**conda", "PowerShell", "figures/full/"):
        paragraph = next(p for p in read(name).split("\n\n") if way in p)
        assert mark in paragraph, f"{way} is not marked"


def test_the_script_runs_as_it_stands_in_any_folder(tmp_path):
    script = next(b for b in blocks(READMES[0]) if "from helpers" in b).split("\n", 1)[1]
    folder = tmp_path / "my scripts 脚本"
    folder.mkdir()
    (folder / "mlp.py").write_text(script, encoding="utf-8")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("COURSE_OUT", "COURSE_PROF"))}
    env |= {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUTF8": "1"}
    command = [sys.executable, "mlp.py"]
    run = subprocess.run(command, cwd=folder, env=env, capture_output=True, encoding="utf-8")
    assert (run.returncode, run.stderr) == (0, "")
    accuracy = float(re.findall(r"test acc (\d\.\d+)", run.stdout)[-1])
    promised = float(re.search(r"test accuracy of (0\.\d+)", read(READMES[0]))[1])
    assert accuracy == pytest.approx(promised, abs=0.015)
    assert (folder / "figures" / "mlp.svg").stat().st_size > 5000


# ---- commands ----------------------------------------------------------------------------------


def makefile() -> dict[str, str]:
    """Target -> its first command, of the targets that explain themselves with ##."""
    found = re.findall(r"^([\w-]+):.*##.*\n(?:\t(.*)\n)?", read("Makefile"), re.MULTILINE)
    return dict(found)


def test_every_target_is_listed_with_its_command():
    listed = {row[0].strip("`"): row[1] for row in table("CONTRIBUTING.md", "## Commands")}
    assert listed.keys() | {"make clean"} == {f"make {target}" for target in makefile()}
    for target, command in makefile().items():
        if command.startswith("$(PYTHON)"):
            assert f"`{command.replace('$(PYTHON)', 'python')}`" in listed[f"make {target}"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_commands_exist(name):
    text = read(name)
    for target in re.findall(r"`(?:[A-Z_]+=\S+ )?make ([a-z][\w-]*)", text):
        assert target in makefile(), f"{name}: make {target}"
    for module in re.findall(r"python -m tools\.(\w+)", text):
        assert (ROOT / "tools" / f"{module}.py").exists(), f"{name}: tools.{module}"
    for file in re.findall(r"requirements[\w-]*\.txt|environment\.yml|[\w/]+\.toml", text):
        assert (ROOT / file).exists(), f"{name}: {file}"


# ---- chapters ----------------------------------------------------------------------------------


def test_course_md_lists_all_chapters_in_order_and_links_those_that_exist():
    rows = table("COURSE.md", "## 章节、视频与书")
    assert [re.sub(r"\[(.*)\]\(.*\)", r"\1", row[0]) for row in rows] == CHAPTERS
    linked = {row[0] for row in rows if row[0].startswith("[")}
    assert linked == {f"[{p.stem}](notebooks/{p.name})" for p in notebooks()}


@pytest.mark.parametrize("name", READMES)
def test_a_readme_names_all_chapters_and_links_those_that_exist(name):
    heading = {"README.md": "## Chapters", "README.zh-CN.md": "## 章节"}[name]
    rows = " · ".join(row[1] for row in table(name, heading))
    assert re.findall(r"\b\d\d\b(?= )", rows) == [chapter[:2] for chapter in CHAPTERS]
    assert re.findall(r"\(notebooks/(\w+)\.ipynb\)", rows) == [p.stem for p in notebooks()]


def test_the_hours_add_up_and_the_weeks_cover_every_chapter_once():
    hours = sum(float(row[4]) for row in table("COURSE.md", "## 章节、视频与书"))
    assert read("COURSE.md").count(f"{hours:g}") == 2  # said in both languages
    weeks = table("COURSE.md", "## 十二周教学计划")
    assert [row[0] for row in weeks] == [str(week) for week in range(1, 13)]
    assert [n for row in weeks for n in row[1].split(", ")] == [c[:2] for c in CHAPTERS]


def test_every_table_cell_of_words_has_both_languages():
    for heading in ("## 章节、视频与书", "## 十二周教学计划", "## 符号"):
        for row in table("COURSE.md", heading):
            for cell in (row[1] if "章节" in heading else row[-1],):
                assert " · " in cell or cell.isascii(), cell


def test_the_glossary_is_sorted_and_each_term_has_its_twin():
    rows = table("COURSE.md", "## 术语")
    english = [row[0].lower() for row in rows]
    assert len(rows) >= 80 and english == sorted(set(english))
    for term, chinese, *_ in rows:
        assert term.isascii() and re.search("[\u4e00-\u9fff]", chinese), term


# ---- workflows ---------------------------------------------------------------------------------


def test_workflows_cover_three_systems_and_the_oldest_and_newest_python():
    ci, weekly = (yaml.safe_load(read(f".github/workflows/{n}.yml")) for n in ("ci", "weekly"))
    assert {"push", "pull_request"} <= set(ci[True])  # YAML 1.1 reads the key `on` as true
    steps = [step for job in weekly["jobs"].values() for step in job["steps"]]
    assert "schedule" in weekly[True] and not any("cache" in s.get("with", {}) for s in steps)
    matrix = ci["jobs"]["ranges"]["strategy"]["matrix"]
    assert {s.partition("-")[0] for s in matrix["os"]} == {"ubuntu", "macos", "windows"}
    project = tomllib.loads(read("pyproject.toml"))["project"]
    oldest, too_new = re.findall(r"3\.(\d+)", project["requires-python"])
    assert matrix["python"] == [f"3.{oldest}", f"3.{int(too_new) - 1}"]


def test_workflows_pass_the_linter():
    beside = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    if not (zizmor := shutil.which("zizmor", path=beside)):
        pytest.skip("zizmor is not installed")
    command = [zizmor, "--offline", "--no-progress", "--strict-collection", "--no-config"]
    run = subprocess.run([*command, *WORKFLOWS], capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
