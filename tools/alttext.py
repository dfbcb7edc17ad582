"""Alt texts: what a figure of a notebook shows, in words, for those who do not see it.

They stand in the metadata of the cell that shows the figure, in both languages:
"mystnb": {"image": {"alt": "一条下降的曲线…… · A falling curve …"}}
"""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from tools import course, prose
from tools.lab import half

EXAMPLE = '"mystnb": {"image": {"alt": "中文 · English"}}'
SHORTEST = 8  # characters of a half: a name alone tells nothing


def pictures(cell: NotebookNode) -> list[NotebookNode]:
    """The outputs of a cell that show a picture."""
    outputs = cell.get("outputs", [])
    return [o for o in outputs if any(m.startswith("image/") for m in o.get("data", {}))]


def stored(cell: NotebookNode) -> str:
    """The alt text of a cell in both languages; "" for none."""
    return cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")


def alt(cell: NotebookNode, language: str) -> str:
    """The alt text of a cell's picture in one language; without one, what its digest says."""
    if text := stored(cell):
        return half(text, language)
    digest = next((str(o.data.get("text/plain", "")) for o in pictures(cell)), "")
    titles = re.findall(r"^(?:title|axes) '([^']+)'", digest, re.MULTILINE)
    return half("没有文字说明的图 · A figure without description", language) + "".join(
        f": {title}" for title in titles[:1]
    )


def problems(nb: NotebookNode) -> Iterator[tuple[str, str]]:
    """(where, what is wrong) for the alt texts of a notebook's figures."""
    seen = set()
    for cell in course.code_cells(nb):
        for fault in _faults(cell, seen):
            yield prose.place(nb, cell), fault
        seen.add(stored(cell))


def _faults(cell: NotebookNode, seen: set[str]) -> Iterator[str]:
    text, count = stored(cell), len(pictures(cell))
    if count > 1:
        yield f"shows {count} pictures, an alt text speaks of one"
    if text and not count:
        yield "has an alt text and shows no picture"
    if not text:
        if count:
            yield f"shows a figure without alt text; write {EXAMPLE} in its metadata"
        return
    zh, en = half(text, "zh"), half(text, "en")
    if zh == en or min(len(zh), len(en)) < SHORTEST:
        yield f'has an alt text that is not "中文 · English" ({text[:40]})'
    elif prose.facts(zh)["numbers"] != prose.facts(en)["numbers"]:
        yield f"has an alt text whose halves differ in their numbers ({text[:40]})"
    if text in seen:
        yield f"has the alt text of another cell ({text[:40]})"
