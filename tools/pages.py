"""The pages of the site in one language, as files that Sphinx reads; nothing is run."""

import posixpath
import re
import tomllib
from html import unescape
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools import alttext, course, landing, prose, reference
from tools.lab import edition, half, one_language

MOVED = {  # documents of the repository that are pages here
    "README.md": "start.md",
    "README.zh-CN.md": "start.md",
    "COURSE.md": "course.md",
    "CHANGELOG.md": "changelog.md",
    "results/RESULTS.md": "results.md",
}
SOLUTIONS = "解答 · Solutions"
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)([^()\s#]+)(#[^()\s]*)?(?=\))")  # to a file, relative
ALONE = re.compile(r"\[[^\]]*\]\([^)]*\)")  # a link with nothing around it


def address(root: Path = course.ROOT) -> str:
    """The repository's address, as pyproject.toml has it."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"]


def edition_pages(language: str) -> dict[str, str | bytes]:
    """All files of an edition: path -> content. The paths are the same in both editions."""
    chapters = {path.stem: course.read(path) for path in course.notebooks()}
    drawings = svg_by_digest()
    files = {}
    for name, nb in chapters.items():
        page = chapter(nb, language, drawings)
        page.cells[0].source = page.cells[0].source.replace("# ", f"# {name[:2]} ", 1)
        if (course.ROOT / "solutions" / f"{name}.md").exists():
            answers = solutions(_read(f"solutions/{name}.md"), language)
            page.cells.append(new_markdown_cell(answers, id="solutions"))
        files[f"notebooks/{name}.ipynb"] = course.dumps(page)
    readme = {"zh": "README.zh-CN.md", "en": "README.md"}[language]
    return (
        files
        | landing.page(language, chapters)
        | {
            "start.md": start(_read(readme), language),
            "course.md": site_links(document(_read("COURSE.md"), language), language),
            "changelog.md": changelog(_read("CHANGELOG.md"), language),
            "results.md": landing.results(_read("results/RESULTS.md"), chapters, language),
            "reference.md": reference.page(language, f"{address()}/blob/main"),
        }
    )


def _read(name: str) -> str:
    return (course.ROOT / name).read_text(encoding="utf-8")


# ---- chapters ----------------------------------------------------------------------------------


def chapter(nb: NotebookNode, language: str, drawings: dict[str, str]) -> NotebookNode:
    """A notebook in one language; each figure has its alt text and, where there is one, its SVG."""
    one = edition(nb, language, deeper=False)
    for cell in one.cells:
        if cell.cell_type == "markdown":
            cell.source = site_links(cell.source, language, "notebooks")
        for picture in alttext.pictures(cell):
            if svg := drawings.get(picture.data.get("text/plain")):
                picture.data = {"image/svg+xml": svg, "text/plain": picture.data["text/plain"]}
            cell.metadata["mystnb"] = {"image": {"alt": alttext.alt(cell, language)}}
    return one


def svg_by_digest(figures: Path = course.FIGURES) -> dict[str, str]:
    """The drawings in figures/ by the digest inside them, which the stored output has as well."""
    found = {}
    for path in sorted(figures.glob("*.svg")):
        svg = path.read_text(encoding="utf-8")
        if digest := re.search(r"<dc:description>(.*?)</dc:description>", svg, re.DOTALL):
            found[unescape(digest[1])] = svg
    return found


def site_links(text: str, language: str, folder: str = "") -> str:
    """A document's relative links: to a page of the site, or else to the repository."""

    def lead(link: re.Match) -> str:
        path = posixpath.normpath(posixpath.join(folder, link[1]))
        is_there = (course.ROOT / path).exists()
        if path.startswith("solutions/") and folder == "notebooks" and is_there:  # page's end
            return "#" + half(SOLUTIONS, language).lower()
        here = MOVED.get(path, path)
        if here != path or re.fullmatch(r"notebooks/\d\d_\w+\.ipynb", path):
            return posixpath.relpath(here, folder or ".")
        return f"{address()}/blob/main/{path}{link[2] or ''}"

    return LINK.sub(lead, text)


# ---- documents ---------------------------------------------------------------------------------


def start(readme: str, language: str) -> str:
    """How to run the course: the sections of the README, without the list of chapters."""
    sections = re.split(r"^(?=## )", readme, flags=re.MULTILINE)[1:]
    kept = [section for section in sections if "(notebooks/01_" not in section]
    text = "".join(kept).replace("```python\n!", "```ipython3\n!")  # what is no plain Python
    return f"# {half('上手 · Getting started', language)}\n\n{site_links(text, language)}"


def changelog(text: str, language: str) -> str:
    """The changelog under a title of the edition; its entries are English in both."""
    head = {"zh": "# 更新记录\n\n条目用英文写。", "en": "# Changelog"}[language]
    return site_links(text, language).replace("# Changelog", head, 1)


def document(text: str, language: str) -> str:
    """A document in both languages cut to one: headings and tables to their half, prose dropped.

    A paragraph is Chinese if it holds a Chinese character. Code, formulas and links that stand
    alone are shared.
    """
    kept = []
    for part in re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL):
        for block in [part] if part.startswith("```") else re.split(r"\n{2,}", part.strip()):
            shared = block.startswith(("#", "|", "$$", "```", "<")) or ALONE.fullmatch(block)
            if shared or (language == "zh") == bool(prose.HAN.search(block)):
                kept.append(block)
    return one_language("\n\n".join(kept), language) + "\n"


def solutions(text: str, language: str) -> str:
    """The worked answers, each folded away under its number, for the end of a chapter."""
    text = site_links(document(text, language), language, "solutions")
    folded = [f"### {half(SOLUTIONS, language)}"]
    for answer in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        number, _, rest = answer.partition("\n")
        summary = re.sub("`(.+?)`", r"<code>\1</code>", number)
        folded.append(f"<details><summary>{summary}</summary>\n\n{rest.strip()}\n\n</details>")
    return "\n\n".join(folded)
