"""The site before Sphinx: alt texts, the pages of an edition, the reference, the search."""

import ast
import inspect
import json
import re
import sys
import tomllib

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tests import test_environment
from tests.test_docs import CHAPTERS, blocks, read, repository
from tools import alttext, course, landing, pages, reference, site
from tools.lab import OTHER

DIGEST = "Figure 5 x 3.2 in\naxes 'loss' 'epoch' x 0.0 to 1.0, y 0.0 to 1.0"
ALT = "一条下降的损失曲线 · A falling curve of the loss"


def figure(alt: str = "", count: int = 1) -> nbformat.NotebookNode:
    """A cell that shows `count` figures."""
    data = {"image/png": "cG5n", "text/plain": DIGEST}
    metadata = {"mystnb": {"image": {"alt": alt}}} if alt else {}
    outputs = [new_output("display_data", data) for _ in range(count)]
    return new_code_cell("draw()", outputs=outputs, metadata=metadata)


def faults(*cells: nbformat.NotebookNode) -> list[str]:
    return [fault for _, fault in alttext.problems(new_notebook(cells=cells))]


@pytest.fixture(scope="module")
def editions() -> dict[str, dict[str, str | bytes]]:
    """All files of both editions."""
    return {language: pages.edition_pages(language) for language in OTHER}


@pytest.fixture(params=OTHER)
def edition(request, editions) -> tuple[str, dict[str, str | bytes]]:
    """A language and all files of its edition."""
    return request.param, editions[request.param]


# ---- alt texts ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", course.notebooks(), ids=lambda p: p.stem)
def test_every_figure_has_an_alt_text_in_both_languages(path):
    found = [f"{place} {fault}" for place, fault in alttext.problems(course.read(path))]
    assert not found, f"{path.stem}: " + "\n".join(found)


@pytest.mark.parametrize(
    ("cell", "sentence"),
    [
        (figure(), "shows a figure without alt text"),
        (figure("一条下降的损失曲线"), 'is not "中文 · English"'),
        (figure("A falling curve of the loss"), 'is not "中文 · English"'),
        (figure("曲线 · Curve"), 'is not "中文 · English"'),
        (
            figure("三条 3 色的损失曲线 · Two curves of the loss in 2 colours"),
            "differ in their numbers",
        ),
        (figure(ALT, count=2), "shows 2 pictures"),
        (figure(ALT, count=0), "shows no picture"),
    ],
)
def test_an_alt_text_that_does_not_serve_is_named(cell, sentence):
    assert len(found := faults(cell)) == 1 and sentence in found[0]


def test_a_good_alt_text_passes_and_no_two_figures_share_one():
    assert not faults(figure(ALT), new_code_cell("1"))
    assert "of another cell" in faults(figure(ALT), figure(ALT))[0]


def test_a_page_without_alt_text_shows_what_the_digest_says():
    assert [alttext.alt(figure(), lang) for lang in OTHER] == [
        "没有文字说明的图: loss",
        "A figure without description: loss",
    ]
    assert [alttext.alt(figure(ALT), lang) for lang in OTHER] == ALT.split(" · ")


# ---- chapters ----------------------------------------------------------------------------------


def test_a_chapter_is_in_one_language_with_sharp_figures_and_links_that_lead_somewhere():
    prose = "见 [指南](../COURSE.md)、[数据](../data/README.md) 和 [下一章](06_perceptron.ipynb)。"
    nb = new_notebook(
        cells=[
            new_markdown_cell("# 回归 · Regression"),
            new_markdown_cell(prose, metadata={"tags": ["zh"]}),
            new_markdown_cell("See below.", metadata={"tags": ["en"]}),
            figure(ALT),
        ]
    )
    one = pages.chapter(nb, "zh", {DIGEST: "<svg/>"})
    title, text, shown = one.cells
    assert title.source == "# 回归"
    assert text.source == (
        f"见 [指南](../course.md)、[数据](https://github.com/{repository()}/blob/main/data/README.md)"
        " 和 [下一章](06_perceptron.ipynb)。"
    )
    assert shown.outputs[0].data == {"image/svg+xml": "<svg/>", "text/plain": DIGEST}
    assert shown.metadata == {"mystnb": {"image": {"alt": "一条下降的损失曲线"}}}


def test_both_editions_have_the_same_pages_code_and_outputs(editions):
    zh, en = editions.values()
    assert zh.keys() == en.keys()
    for name in (name for name in zh if name.endswith(".ipynb")):
        ours, theirs = (json.loads(files[name])["cells"] for files in (zh, en))
        code = [
            [(c["source"], c["outputs"]) for c in cells if "outputs" in c]
            for cells in (ours, theirs)
        ]
        assert code[0] == code[1], name


def test_an_edition_holds_every_chapter_and_only_its_own_language(edition):
    language, files = edition
    assert {f"notebooks/{path.name}" for path in course.notebooks()} <= files.keys()
    for name in (name for name in files if name.endswith(".ipynb")):
        cells = json.loads(files[name])["cells"]
        assert "".join(cells[0]["source"]).startswith(f"# {name.split('/')[1][:2]} "), "its number"
        for cell in cells:
            assert OTHER[language] not in cell["metadata"].get("tags", [])


def test_a_figure_that_a_chapter_saves_as_svg_is_shown_as_svg_sharp_at_any_zoom(editions):
    for path in course.notebooks():
        page = nbformat.reads(editions["en"][f"notebooks/{path.name}"], as_version=4)
        for cell in page.cells:
            for picture in alttext.pictures(cell):
                if saved := re.search(r"""save_figure\(\s*["']([\w-]+\.svg)["']""", cell.source):
                    assert "image/svg+xml" in picture.data, f"{path.stem}: {saved[1]} is another"


# ---- documents ---------------------------------------------------------------------------------


def test_a_document_is_cut_to_one_language_and_keeps_what_both_share():
    shared = ["[05](x.md)", "```python\nx = 1\n\ny = 2\n```", "$$a = b$$"]
    text = "\n\n".join(["# 解 · Answer", "中文。", "English.", *shared, "| 名 · name |\n|--|"])
    zh, en = (pages.document(text, language) for language in ("zh", "en"))
    assert zh == "\n\n".join(["# 解", "中文。", *shared, "| 名 |\n|--|\n"])
    assert en == "\n\n".join(["# Answer", "English.", *shared, "| name |\n|--|\n"])


def test_the_course_guide_loses_no_row_and_no_paragraph():
    whole = read("COURSE.md")
    zh, en = (pages.document(whole, language) for language in ("zh", "en"))
    assert zh.count("\n|") == en.count("\n|") == whole.count("\n|")
    assert zh.count("\n\n") == en.count("\n\n"), "each paragraph has its twin"
    prose = "\n".join(line for line in en.splitlines() if not line.startswith("|"))
    assert not re.search("[\u4e00-\u9fff]{3}", prose)


def test_answers_are_folded_away():
    text = pages.solutions("# 解答 · Solutions\n\n## 1 `f`\n\n答。\n\nAnswer.\n", "en")
    folded = "<details><summary>1 <code>f</code></summary>\n\nAnswer.\n\n</details>"
    assert text == f"### Solutions\n\n{folded}"


def test_a_chapter_ends_with_its_answers_and_links_to_them(edition):
    language, files = edition
    paths = sorted((course.ROOT / "solutions").glob("*.md"))
    for path in paths:
        *chapter, last = nbformat.reads(files[f"notebooks/{path.stem}.ipynb"], as_version=4).cells
        answers = re.findall(r"^## ", path.read_text(encoding="utf-8"), re.MULTILINE)
        assert last.source.count("<details>") == len(answers) > 0
        anchor = {"zh": "#解答", "en": "#solutions"}[language]
        assert last.source.lower().startswith(f"### {anchor[1:]}")
        assert any(f"]({anchor})" in cell.source for cell in chapter), path.name


def test_getting_started_is_the_readme_without_its_list_of_chapters(edition):
    _, files = edition
    starts = [b for b in blocks("README.md") if "git clone" in b and b.startswith("sh")]
    assert all(f"```{block}```" in files["start.md"] for block in starts)
    assert "notebooks/01_" not in files["start.md"]


def test_the_changelog_has_a_title_of_the_edition_and_all_its_entries(edition):
    language, files = edition
    title = {"zh": "# 更新记录", "en": "# Changelog"}[language]
    assert files["changelog.md"].startswith(f"{title}\n")
    entries = re.compile("^- ", re.MULTILINE)
    assert len(entries.findall(files["changelog.md"])) == len(entries.findall(read("CHANGELOG.md")))


# ---- landing page ------------------------------------------------------------------------------


def test_the_landing_page_shows_each_chapter_with_a_figure_and_its_run_time(edition):
    language, files = edition
    tiles = re.findall(r":::\{container\} tile\n(.*?)\n:::", files["index.md"], re.DOTALL)
    assert len(tiles) == len(course.notebooks())
    for path, tile in zip(course.notebooks(), tiles, strict=True):
        nb = course.read(path)
        assert f"[{path.name[:2]} {landing.title(nb, language)}](notebooks/{path.name})" in tile
        if any(alttext.pictures(cell) for cell in nb.cells):  # none yet while it is being written
            alt, figure = re.search(r"!\[(.+)\]\((figures/.+)\)", tile).groups()
            assert files[figure] == (course.ROOT / figure).read_bytes()
            assert alt in {alttext.alt(cell, language) for cell in nb.cells}
            assert re.search(rf"\b{course.budget(nb):g} (秒|s)$", tile)


def test_the_landing_pages_start_as_the_readme_does():
    for language in OTHER:
        text = (landing.SITE / f"landing.{language}.md").read_text(encoding="utf-8")
        assert f"```{blocks('README.md')[0]}```" in text


def test_the_parts_hold_all_chapters_once_and_every_cover_exists():
    plan = tomllib.loads((landing.SITE / "chapters.toml").read_text(encoding="utf-8"))
    assert [name for part in plan["parts"] for name in part["chapters"]] == CHAPTERS
    assert all((course.FIGURES / cover).exists() for cover in plan["covers"].values())


def test_the_results_on_the_landing_page_name_each_chapter_once(edition):
    _, files = edition
    table = files["index.md"].partition(":::{container} results")[2].partition(":::")[0]
    named = re.findall(r"^\| \[.*?\]\(notebooks/(\w+)\.ipynb\)", table, re.MULTILINE)
    records = json.loads((course.RESULTS / "results.json").read_text(encoding="utf-8"))
    assert named == sorted({r["notebook"] for r in records if "test_acc" in r})


def test_the_results_hold_every_number_of_results_md(edition):
    _, files = edition
    numbers = re.compile(r"\| (\d\.\d{3}[^|]*) (?=\|)")
    assert numbers.findall(files["results.md"]) == numbers.findall(read("results/RESULTS.md"))


# ---- reference ---------------------------------------------------------------------------------


def test_the_reference_describes_every_public_name_with_its_signature():
    helpers = pytest.importorskip("helpers")
    page = reference.page("en", "https://example.org")
    for name in helpers.__all__:
        entry = re.search(rf"^:+\{{py:\w+\}} {name}(\(.*)?$", page, re.MULTILINE)
        assert entry, name
        if inspect.isfunction(found := getattr(helpers, name)):
            function = ast.parse(f"def f{entry[1]}: ...").body[0]
            named = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
            expected = inspect.signature(found).parameters.values()
            assert [a.arg for a in named] == [p.name for p in expected if p.kind not in (2, 4)]
            assert found.__doc__.splitlines()[0] in page


# ---- set-up ------------------------------------------------------------------------------------


def test_the_sites_packages_go_with_those_of_the_tests():
    ours, theirs = (test_environment.pins(f"requirements-{n}.txt") for n in ("site", "dev"))
    assert {k: v for k, v in theirs.items() if k in ours} == {
        k: ours[k] for k in ours if k in theirs
    }
    assert "torch" not in ours, "the site is built without PyTorch"


# ---- what is written ---------------------------------------------------------------------------


def test_pages_that_did_not_change_are_not_written_again(tmp_path):
    site.write_pages(tmp_path, {"a.md": "a", "b/c.md": "c", "old.md": ""})
    before = (tmp_path / "a.md").stat().st_mtime_ns
    site.write_pages(tmp_path, {"a.md": "a", "b/c.md": "new"})
    assert (tmp_path / "a.md").stat().st_mtime_ns == before
    assert (tmp_path / "b" / "c.md").read_text() == "new"
    assert not (tmp_path / "old.md").exists()


def test_a_run_of_chinese_is_searched_by_its_pairs(monkeypatch):
    pytest.importorskip("sphinx")
    monkeypatch.setattr(sys, "path", [str(landing.SITE), *sys.path])
    from character_pairs import CharacterPairs

    words = CharacterPairs({}).split("用LeNet-5做卷积网络，3层")
    assert words == [
        "用",
        "LeNet",
        "5",
        "做",
        "卷",
        "积",
        "网",
        "络",
        "做卷",
        "卷积",
        "积网",
        "网络",
        "3",
        "层",
    ]
