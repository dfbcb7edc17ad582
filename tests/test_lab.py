"""The copy to work in: what `make lab` puts there, and what it leaves alone."""

import json
import os
import posixpath
import re
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import course, lab, prose

NAME = "05_softmax.ipynb"


def notebook(code: str = "1 + 1") -> nbformat.NotebookNode:
    cells = [
        new_markdown_cell("# 回归 · Regression", id="title"),
        new_markdown_cell("中文", id="zh", metadata={"tags": ["zh"]}),
        new_markdown_cell("English", id="en", metadata={"tags": ["en"]}),
        new_code_cell(code, id="code"),
    ]
    return course.canonical(new_notebook(cells=cells))


@pytest.fixture
def source(tmp_path) -> Path:
    """A folder of notebooks, like the course's."""
    course.write_atomic(tmp_path / "notebooks" / NAME, course.dumps(notebook()).encode())
    return tmp_path / "notebooks"


@pytest.fixture
def work(tmp_path) -> Path:
    return tmp_path / "work"


def edit(path: Path, change) -> None:
    nb = course.read(path)
    change(nb)
    path.write_text(course.dumps(nb), encoding="utf-8")


def answer(nb) -> None:
    nb.cells[-1].source = "my answer"


def publish(source: Path, code: str) -> None:
    (source / NAME).write_text(course.dumps(notebook(code)), encoding="utf-8")


# ---- one language ------------------------------------------------------------------------------

texts = st.text(alphabet="ab 中文·|#`.\n", max_size=30)
tag_lists = st.lists(st.sampled_from(["zh", "en", "nbval-tol:0.02"]), max_size=2, unique=True)
cells = st.one_of(
    st.builds(lambda s, tags: new_markdown_cell(s, metadata={"tags": tags}), texts, tag_lists),
    st.builds(
        lambda s, out, tags: new_code_cell(
            s, outputs=[new_output("stream", text=out)], metadata={"tags": tags}
        ),
        texts,
        texts,
        st.just([]) | st.just(["nbval-tol:0.02"]),
    ),
)


@given(st.lists(cells, max_size=6), st.sampled_from(["zh", "en"]))
def test_an_edition_keeps_code_to_the_byte_and_drops_the_other_language_only(cells, language):
    nb = course.canonical(new_notebook(cells=cells))
    expected = [c for c in nb.cells if lab.OTHER[language] not in course.tags(c)]
    one = lab.edition(nb, language)
    assert [c.id for c in one.cells] == [c.id for c in expected]
    for ours, theirs in zip(one.cells, expected, strict=True):
        if theirs.cell_type == "code":
            assert json.dumps(ours) == json.dumps(theirs)
        elif language in course.tags(theirs):
            assert ours.source == theirs.source


@given(
    st.text(alphabet="卷积网络 LeNet·", max_size=9).map(lambda s: s.replace(" · ", "") + "层"),
    st.text(alphabet="LeNet 5-·`", min_size=1, max_size=12),
)
def test_a_heading_is_cut_to_the_half_of_its_language(zh, en):
    assert lab.half(f"{zh} · {en}", "zh") == zh
    assert lab.half(f"{zh} · {en}", "en") == en


@pytest.mark.parametrize("title", ["XOR", "torch.nn", "NiN · VGG", "只有中文", "权重 · 丢弃"])
def test_a_heading_without_halves_stays(title):
    assert lab.half(title, "zh") == lab.half(title, "en") == title


def test_tables_lose_the_other_half_and_code_blocks_lose_nothing():
    table = "| 名称 · Name | 形状 · Shape |\n|--|--|\n| $|B|$ | `(3, 4)` |"
    code = "```\n# 数据 · Data\n```"
    nb = new_notebook(cells=[new_markdown_cell(table), new_markdown_cell(code)])
    one = lab.edition(nb, "en")
    assert one.cells[0].source == "| Name | Shape |\n|--|--|\n| $|B|$ | `(3, 4)` |"
    assert one.cells[1].source == code


@pytest.mark.parametrize(
    "link", ["../figures/a.svg", "../COURSE.md", "../../x", "06_a.ipynb", "#a"]
)
@pytest.mark.parametrize("form", ["![figure]({})", "[text]({})", '<img src="{}">'])
def test_a_link_leads_to_the_same_file_from_one_folder_deeper(form, link):
    nb = new_notebook(cells=[new_markdown_cell(form.format(link))])
    moved = re.search(r"[(\"](.*)[)\"]", lab.edition(nb, "zh").cells[0].source)[1]
    old, new = (posixpath.normpath(posixpath.join(*p)) for p in (("n", link), ("n/zh", moved)))
    assert new == (old if link.startswith("../") else f"n/zh/{link}")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("path", course.notebooks(), ids=lambda p: p.stem)
def test_the_chapters_read_in_one_language(path, language):
    one = lab.edition(course.read(path), language)
    texts = [c for c in one.cells if c.cell_type == "markdown"]
    assert any(prose.language(c) == language for c in texts)
    for cell in texts:
        assert prose.language(cell) in (language, None)
        assert not any(prose.bilingual(title) for _, title in prose.HEADING.findall(cell.source))
        for link in re.findall(r"\]\((\.\./[^)#\s]*)", cell.source):
            assert (course.ROOT / "work" / language / link).resolve().exists(), link
    assert course.code_cells(one) == course.code_cells(course.canonical(course.read(path)))


# ---- nothing of a learner's is lost ------------------------------------------------------------


def test_the_first_time_copies_and_the_second_time_does_nothing(source, work):
    assert lab.prepare(work, None, source).new == [NAME]
    assert (work / NAME).read_bytes() == (source / NAME).read_bytes()
    assert lab.prepare(work, None, source) == lab.Report()


@pytest.mark.parametrize("language", [None, "zh", "en"])
def test_a_changed_notebook_is_kept_whatever_the_course_does(source, work, language):
    lab.prepare(work, language, source)
    edit(work / NAME, answer)
    mine = (work / NAME).read_bytes()
    assert lab.prepare(work, language, source) == lab.Report(kept=[NAME])
    publish(source, "2 + 2")
    assert lab.prepare(work, language, source) == lab.Report(kept=[NAME], news=[NAME])
    assert lab.prepare(work, language, source).news == [NAME]  # until it is renamed
    assert (work / NAME).read_bytes() == mine


def test_outputs_are_a_change_too(source, work):
    lab.prepare(work, None, source)
    edit(work / NAME, lambda nb: nb.cells[-1].outputs.append(new_output("stream", text="2")))
    assert lab.prepare(work, None, source).kept == [NAME]


def test_opening_and_saving_is_no_change(source, work):
    """JupyterLab fills in the kernel's version, and marks the notebook as trusted."""
    lab.prepare(work, None, source)

    def opened(nb):
        nb.metadata["language_info"]["version"] = "3.11.2"
        nb.metadata["kernelspec"]["display_name"] = "Python 3 (ipykernel)"
        nb.cells[-1].metadata["trusted"] = True

    edit(work / NAME, opened)
    publish(source, "2 + 2")
    assert lab.prepare(work, None, source).updated == [NAME]
    assert course.read(work / NAME).cells[-1].source == "2 + 2"


def test_renaming_brings_the_new_version_and_keeps_the_old(source, work):
    lab.prepare(work, None, source)
    edit(work / NAME, answer)
    publish(source, "2 + 2")
    (work / NAME).rename(work / "mine.ipynb")
    assert lab.prepare(work, None, source).new == [NAME]
    assert course.read(work / "mine.ipynb").cells[-1].source == "my answer"


@pytest.mark.parametrize("memory", [None, "", "[1]", "not json"])
def test_without_a_memory_what_differs_is_the_learners(source, work, memory):
    lab.prepare(work, None, source)
    edit(work / NAME, answer)
    (work / lab.MEMORY).unlink()
    if memory is not None:
        (work / lab.MEMORY).write_text(memory, encoding="utf-8")
    assert lab.prepare(work, None, source).kept == [NAME]


@pytest.mark.parametrize("mine", [b"", b"half a note", b"\xff\xfe"])
def test_a_file_that_is_no_notebook_is_left_alone(source, work, mine):
    work.mkdir()
    (work / NAME).write_bytes(mine)
    assert lab.prepare(work, None, source).kept == [NAME]
    assert (work / NAME).read_bytes() == mine


# ---- the command -------------------------------------------------------------------------------


def test_news_are_told_in_one_line_that_says_what_to_do():
    report = lab.Report(new=["01_a.ipynb"], kept=[NAME], news=[NAME])
    first, second = lab.describe(report, "work/zh").splitlines()
    assert first == "work/zh: 1 new, 1 with changes of yours, kept"
    assert NAME in second and "rename or delete" in second


def test_jupyter_opens_the_copy_and_can_show_the_pictures_beside_it(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    command, env = lab.jupyter(course.ROOT / "work" / "zh", ["--no-browser", "--port", "9000"])
    assert command[1:3] == ["-m", "jupyterlab"] and command[-3:] == [
        "--no-browser",
        "--port",
        "9000",
    ]
    assert f"--ServerApp.root_dir={course.ROOT}" in command
    assert "--LabApp.default_url=/lab/tree/work/zh" in command
    assert env["OMP_WAIT_POLICY"] == "PASSIVE" and env["PATH"] == os.environ["PATH"]


def test_what_the_learner_has_set_counts(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert lab.jupyter(course.ROOT / "work", [])[1]["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.parametrize("argv, edition", [([], ""), ([], "zh"), (["--edition", "en"], "zh")])
def test_the_edition_comes_from_the_option_or_the_environment(
    tmp_path, monkeypatch, capsys, argv, edition
):
    monkeypatch.setattr(course, "ROOT", tmp_path)
    monkeypatch.setenv("EDITION", edition)
    assert lab.main([*argv, "--prepare-only"]) == 0
    folder = tmp_path / "work" / (argv[-1] if argv else edition)
    copied = {p.name for p in folder.glob("*.ipynb")}
    assert copied == {p.name for p in course.notebooks()}
    assert f"{len(copied)} new" in capsys.readouterr().out


def test_an_unknown_edition_is_named(capsys):
    assert lab.main(["--edition", "fr"]) == 2
    assert "zh or en, not 'fr'" in capsys.readouterr().err


def test_a_file_in_the_way_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(course, "ROOT", tmp_path)
    (tmp_path / "work").write_text("mine", encoding="utf-8")
    assert lab.main(["--prepare-only"]) == 1
    assert "work" in capsys.readouterr().err
