"""What is wrong with a notebook's prose: text stands in Chinese and in English, the rest once."""

import re
from collections.abc import Iterator
from decimal import Decimal

from nbformat import NotebookNode

from tools.course import tags

HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")  # with punctuation

FENCE = re.compile(r"^(```+|~~~+)[^\n]*\n(.*?)^\1", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(`+)(.+?)\1", re.DOTALL)
FORMULA = re.compile(
    r"\$\$(.+?)\$\$|(?<!\\)\$([^$\n]+?)(?<!\\)\$|(\\begin\{(\w+\*?)\}.*?\\end\{\4\})", re.DOTALL
)
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]*(?:\([^()]*\)[^()\s]*)*)[^)]*\)")
BARE_LINK = re.compile(r"<?(https?://[^\s<>()\u3000-\uffef]+)>?")
PROSE_NUMBER = re.compile(r"(?<![A-Za-z0-9_.])\d+(?:,\d{3})*(?:\.\d+)*(?![A-Za-z0-9_])", re.ASCII)
WORDING = re.compile(r"\\(?:text|textrm|mbox)\{[^{}]*\}")  # words in a formula are translated

HTML = re.compile(r"<!--.*?-->|<(\w+)\b[^>]*>.*?</\1>|<[^>]+>", re.DOTALL)
SHARED_LINE = re.compile(r"\s*(?:#{1,6} .+|\|.*|\[?!\[.*|-{3,}|)\s*")
HEADING = re.compile(r"^(#{1,6}) (.+)$", re.MULTILINE)
NAME = re.compile(r"[^A-Za-z]+|.+[A-Z0-9].*|[a-z_]+\.[\w.]+")  # LeNet, NiN, ResNet-18, torch.nn


def problems(nb: NotebookNode) -> Iterator[tuple[str, str]]:
    """(where, what is wrong) for all text cells: pairs, their agreement, shared cells, headings."""
    cells = nb.cells
    if not cells or not re.match(r"# .+ · [^\n]+", cells[0].source):
        yield "first cell", "is not a bilingual title such as `# 卷积 · Convolutions`"
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        if language(cell) == "zh" and language(following) != "en":
            yield place(nb, cell), "is Chinese and not directly followed by its English twin"
        if language(following) == "en" and language(cell) != "zh":
            yield place(nb, following), "is English and does not directly follow its Chinese twin"
        if language(cell) == "zh" and language(following) == "en":
            yield from ((place(nb, cell), fault) for fault in _twin_faults(cell, following))
        yield from ((place(nb, cell), fault) for fault in _cell_faults(cell))
    if cells and language(cells[0]) == "en":
        yield place(nb, cells[0]), "is English and does not directly follow its Chinese twin"


def place(nb: NotebookNode, cell: NotebookNode) -> str:
    """Where a cell is: "cell 3" among the code cells, else its position and its first words."""
    before = nb.cells[: next(i for i, other in enumerate(nb.cells) if other is cell)]
    if cell.cell_type == "code":
        return f"cell {sum(c.cell_type == 'code' for c in before)}"
    first_line = cell.source.strip().partition("\n")[0]
    return f'text at position {len(before)} ("{first_line[:24]}")'


def language(cell: NotebookNode | None) -> str | None:
    """The language of a text cell, "zh" or "en"; None for what both share, and for no cell."""
    if cell is None or cell.cell_type == "code":
        return None
    return next((tag for tag in tags(cell) if tag in ("zh", "en")), None)


def facts(text: str) -> dict[str, set]:
    """What twins must share: the sets of code spans, formulas, links and numbers in a text."""
    found = {"inline code": set(), "formulas": set(), "links": set()}

    def take(kind: str, value: str) -> str:
        found[kind].add(" ".join(value.split()))
        return " "

    text = FENCE.sub(lambda m: take("inline code", m[2]), text)
    text = SPAN.sub(lambda m: take("inline code", m[2]), text)
    text = FORMULA.sub(lambda m: take("formulas", _formula(m[1] or m[2] or m[3])), text)
    text = LINK.sub(lambda m: f"{m[1]} {take('links', m[2])}", text)
    text = BARE_LINK.sub(lambda m: take("links", m[1].rstrip(".,;:")), text)
    return found | {"numbers": {_number(n) for n in PROSE_NUMBER.findall(text)}}


def bilingual(line: str) -> bool:
    """Whether a line reads "中文 · English" ("·" may also stand within either half)."""
    halves = [line[: m.start()] for m in re.finditer(" · ", line)]
    return any(HAN.search(zh) and not CHINESE.search(line[len(zh) :]) for zh in halves)


def _formula(text: str) -> str:
    return re.sub(r"\s+", "", WORDING.sub("", text)).rstrip(".,")


def _number(text: str) -> str:
    text = text.replace(",", "")
    return text if text.count(".") > 1 else f"{Decimal(text).normalize():f}"


def _twin_faults(zh: NotebookNode, en: NotebookNode) -> Iterator[str]:
    ours, theirs = facts(zh.source), facts(en.source)
    for kind in ours:
        if ours[kind] != theirs[kind]:
            sides = (("zh", ours[kind] - theirs[kind]), ("en", theirs[kind] - ours[kind]))
            only = ", ".join(f"only {side}: {', '.join(sorted(s))}" for side, s in sides if s)
            yield f"and its twin differ in their {kind} ({only})"


def _cell_faults(cell: NotebookNode) -> Iterator[str]:
    lang = language(cell)
    if cell.cell_type == "code":
        for tag in {"zh", "en"} & set(tags(cell)):
            yield f"is code and tagged {tag}, code is shared"
    elif not cell.source.strip():
        yield "is empty, delete it"
    elif {"zh", "en"} <= set(tags(cell)):
        yield "is tagged zh and en, one cell holds one language"
    elif lang == "zh" and not HAN.search(cell.source):
        yield "is tagged zh and holds no Chinese"
    elif lang == "en" and (character := CHINESE.search(cell.source)):
        yield f"is tagged en and holds {character[0]!r}"
    elif lang is None:
        yield from _shared_faults(cell.source)


def _shared_faults(source: str) -> Iterator[str]:
    """An untagged cell holds what needs no language: headings, formulas, tables, images, HTML."""
    rest = HTML.sub("", FORMULA.sub("", FENCE.sub("", source)))
    for line in rest.split("\n"):
        if not SHARED_LINE.fullmatch(line):
            yield f'holds prose ("{line.strip()[:24]}"), tag it zh or en'
            return
    for level, title in HEADING.findall(FENCE.sub("", source)):
        words = FORMULA.sub("", SPAN.sub("", title)).split()
        free = not CHINESE.search(title) and all(NAME.fullmatch(word) for word in words)
        if level != "#" and not free and not bilingual(title):
            yield f'its heading "{title}" is not "中文 · English"'
