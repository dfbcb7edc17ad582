"""The landing page, with a tile for each chapter, and the pages of results."""

import json
import re
import tomllib
from contextlib import suppress

from nbformat import NotebookNode

from tools import alttext, course
from tools.lab import half

SITE = course.ROOT / "site"
ABOUT = (
    "每次训练的结果：发表的数字、`quick` 在双核 CPU 上的结果、`full` 的结果和所用硬件；多个种子时是"
    "均值 ± 标准差。 · What each training run gave: the published number, `quick` on two CPU cores,"
    " `full` with the hardware it ran on; mean ± standard deviation where there are several seeds."
)
WORDS = {  # those of the results table
    "run": "训练",
    "seeds": "种子数",
    "train loss": "训练损失",
    "train acc": "训练准确率",
    "test acc": "测试准确率",
    "on": "设备",
    "published": "发表",
    "figure only": "只有图",
    "not yet run": "尚未运行",
}


def page(language: str, chapters: dict[str, NotebookNode]) -> dict[str, str | bytes]:
    """The landing page and the figures on it."""
    plan = tomllib.loads((SITE / "chapters.toml").read_text(encoding="utf-8"))
    parts = [(half(p["title"], language), _present(p, chapters)) for p in plan["parts"]]
    parts = [(head, found) for head, found in parts if found]
    text = (SITE / f"landing.{language}.md").read_text(encoding="utf-8")
    text = text.replace("<!-- chapters -->", _cards(parts, plan["covers"], language))
    text = text.replace("<!-- results -->", _accuracies(chapters, language))
    text += _contents(parts, language)
    names = re.findall(r"\]\((figures/[\w.-]+)\)", text)
    return {"index.md": text} | {name: (course.ROOT / name).read_bytes() for name in names}


def _present(part: dict, chapters: dict[str, NotebookNode]) -> dict[str, NotebookNode]:
    return {name: chapters[name] for name in part["chapters"] if name in chapters}


def _cards(parts: list[tuple], covers: dict[str, str], language: str) -> str:
    lines = []
    for head, chapters in parts:
        cards = [_card(n, nb, covers.get(n, ""), language) for n, nb in chapters.items()]
        lines += [f"### {head}", "::::{container} tiles", *cards, "::::"]
    return "\n\n".join(lines)


def _card(name: str, nb: NotebookNode, cover: str, language: str) -> str:
    """A chapter's card: a figure that it saves, `cover` or the first, its title, its run time."""
    lines = [chapter_link(name, nb, language)]
    with suppress(ValueError):  # a chapter in the making has no budget yet
        seconds = half("快速运行不超过 {:g} 秒 · quick run: at most {:g} s", language)
        lines.append(seconds.format(course.budget(nb)))
    for cell in filter(alttext.pictures, course.code_cells(nb)):
        saved = re.findall(r"""save_figure\(\s*["']([\w.-]+)["']""", cell.source)
        saved = [file for file in saved if (course.FIGURES / file).exists()]
        if cover in saved if cover else saved:
            lines.insert(0, f"![{alttext.alt(cell, language)}](figures/{cover or saved[0]})")
            break
    return "\n\n".join([":::{container} tile", *lines, ":::"])


def _contents(parts: list[tuple], language: str) -> str:
    """The table of contents of the sidebar; the page itself does not show it."""
    changes = half("更新记录 <changelog> · Changelog <changelog>", language)
    more = ["start", "course", "results", "reference", changes]
    groups = [
        (head, [f"{n[:2]} {title(nb, language)} <notebooks/{n}>" for n, nb in chapters.items()])
        for head, chapters in parts
    ]
    return "".join(
        "\n".join(["\n```{toctree}", f":caption: {head}", ":hidden:", "", *entries, "```\n"])
        for head, entries in [*groups, (half("资料 · Reference", language), more)]
    )


def title(nb: NotebookNode, language: str) -> str:
    """A chapter's title in one language."""
    return half(nb.cells[0].source.split("\n")[0].removeprefix("# "), language)


def results(text: str, chapters: dict[str, NotebookNode], language: str) -> str:
    """RESULTS.md, with the chapters' titles as headings."""
    for name, nb in chapters.items():
        text = text.replace(f"\n## {name}\n", f"\n## {chapter_link(name, nb, language)}\n")
    tables = re.sub(r"(?:^\|.*\n?)+", lambda m: _table(m[0], language), text, flags=re.MULTILINE)
    tables = tables[tables.find("\n## ") + 1 :]
    return "\n\n".join([half("# 结果 · # Results", language), half(ABOUT, language), tables])


def chapter_link(name: str, nb: NotebookNode, language: str) -> str:
    """A chapter's number and title, as a link from a page at the top."""
    return f"[{name[:2]} {title(nb, language)}](notebooks/{name}.ipynb)"


def _table(rows: str, language: str) -> str:
    """A results table for the style sheet, its fixed words in the edition's language."""
    if language == "zh":
        cells = "|".join(map(re.escape, WORDS))
        rows = re.sub(rf"(?<=\| )({cells})(?= \|)", lambda m: WORDS[m[1]], rows)
    return f":::{{container}} results\n\n{rows.strip()}\n\n:::\n"


def _accuracies(chapters: dict[str, NotebookNode], language: str) -> str:
    """The test accuracies of results.json as a table, a row a run; its chapter stands once."""
    runs: dict[tuple[str, str], dict[str, dict]] = {}
    for record in json.loads((course.RESULTS / "results.json").read_text(encoding="utf-8")):
        runs.setdefault((record["notebook"], record["run"]), {})[record["profile"]] = record
    head = half("章 · chapter", language)
    rows = [f"| {head} | run | published | `quick` | `full` |", "|--|--|--|--|--|"]
    for (name, run), found in runs.items():
        if name in chapters and any("test_acc" in record for record in found.values()):
            link = chapter_link(name, chapters[name], language)
            cells = [_accuracy(found, profile) for profile in ("published", "quick", "full")]
            first = not any(link in row for row in rows)
            rows.append(" | ".join([f"| {link if first else ''}", run, *cells]) + " |")
    return _table("\n".join(rows), language)


def _accuracy(found: dict[str, dict], profile: str) -> str:
    if profile not in found:
        return "not yet run" if profile == "full" else "–"
    missing = "figure only" if profile == "published" else "–"
    record = found[profile]
    return f"{record['test_acc']:.3f}" if "test_acc" in record else missing
