"""What is wrong with a stored notebook, seen without running it."""

import ast
import base64
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from PIL import Image

from tools import course, prose

MAGICS = ("config", "matplotlib")  # all that are allowed; %%time would store a live timing
WIDEST = 0.05  # the widest tolerance that a training metric may have
WIDEST_PICTURE = 0.15  # the same for a cell that prints nothing and shows what a network learned
TAGS = {"zh", "en", "raises-exception", "nbval-ignore-output", "nbval-skip"} | {
    f"{verb}-{part}" for verb in ("remove", "hide") for part in ("cell", "input", "output")
}
TAG_PREFIXES = ("nbval-tol:", "why:")
MARKER = re.compile(r"^\s*#+\s*(?:NBVAL_|PYTEST_VALIDATE_)\w+\s*$", re.MULTILINE)
TRAIN_CALL = re.compile(r"(?<!def )\btrain(?:_\w+)?\((?!(?:True|False)?\))")  # not net.train()
BARE_REPR = re.compile(r"\s*<.*>\s*")


def problems(nb: NotebookNode, name: str) -> list[str]:
    """Everything that is wrong with the stored notebook `nb`, a sentence each.

    Cells are numbered as nbval numbers them: code cells only, from 0.
    """
    found = [f"{name}: {fault}" for fault in _notebook_faults(nb)]
    expected = 0
    for number, cell in enumerate(c for c in nb.cells if c.cell_type == "code"):
        expected += bool(cell.source.strip())
        found += [f"{name}, cell {number}: {fault}" for fault in _code_faults(cell, expected)]
    for cell in nb.cells:
        found += [f"{name}, {prose.place(nb, cell)}: {fault}" for fault in _tag_faults(cell)]
    return found + [f"{name}, {place}: {fault}" for place, fault in prose.problems(nb)]


def _notebook_faults(nb: NotebookNode) -> Iterator[str]:
    try:
        if not course.budget(nb) > 0:
            yield "its budget is not a positive number of seconds"
    except (KeyError, TypeError, ValueError):
        yield 'has no budget; write the seconds of a quick run as metadata "course": {"budget": 20}'
    if nb.get("nbformat_minor", 0) < 5:
        yield "is stored in an old format, save it as nbformat 4.5"
        return
    stored, fixed = (course.dumps(n).splitlines() for n in (nb, course.canonical(nb)))
    if stored != fixed:
        strange = [a.strip()[:60] for a in stored if a not in fixed and not a.endswith(("{", "["))]
        yield f"is not in canonical form, see {(strange or ['its layout'])[0]}; run `make run-all`"


def _code_faults(cell: NotebookNode, expected: int) -> Iterator[str]:
    yield from _count_faults(cell, expected)
    yield from _source_faults(cell)
    yield from _output_faults(cell)
    yield from _exemption_faults(cell)


def _count_faults(cell: NotebookNode, expected: int) -> Iterator[str]:
    if not cell.source.strip():
        yield "is empty, delete it"
    elif cell.execution_count is None:
        if "nbval-skip" not in course.tags(cell) or cell.outputs:
            yield "was never executed, run it"
    elif cell.execution_count != expected:
        count = cell.execution_count
        yield f"is stale, its count is {count} and not {expected}; run all cells from the top"


def _source_faults(cell: NotebookNode) -> Iterator[str]:
    if prose.CHINESE.search(cell.source):
        yield "holds Chinese characters, code and comments are English"
    if MARKER.search(cell.source):
        yield "holds an NBVAL comment, use a tag and say why"
    python = TransformerManager().transform_cell(cell.source)
    try:
        tree = ast.parse(python)
    except SyntaxError as error:
        if "raises-exception" not in course.tags(cell):
            yield f"is not Python: {error.msg} (line {error.lineno})"
        return
    yield from _magic_faults(tree)
    if _ends_with_semicolon(python):
        yield "ends a line with ';', which nbval does not honour; write `_ = ...`"


def _magic_faults(tree: ast.AST) -> Iterator[str]:
    """IPython has turned each magic into a call of one of get_ipython()'s methods."""
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        method, first = call.func.attr, call.args[0] if call.args else None
        if not ast.unparse(call.func.value).startswith("get_ipython()"):
            continue
        if method in ("system", "getoutput", "getoutput_pexpect"):
            yield "runs a shell command with '!', do it in Python"
        elif method in ("run_line_magic", "run_cell_magic"):
            name = getattr(first, "value", "")
            if name not in MAGICS:
                sign = "%" if method == "run_line_magic" else "%%"
                allowed = " and ".join(f"%{magic}" for magic in MAGICS)
                yield f"uses {sign}{name}, only {allowed} are allowed"


def _ends_with_semicolon(python: str) -> bool:
    tokens = list(tokenize.generate_tokens(io.StringIO(python).readline))
    ends = (tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENDMARKER)
    return any(
        a.type == tokenize.OP and a.string == ";" and b.type in ends for a, b in pairwise(tokens)
    )


def _output_faults(cell: NotebookNode) -> Iterator[str]:
    for output in cell.outputs:
        if output.output_type == "error":
            if "raises-exception" not in course.tags(cell):
                yield f"stores the error {output.ename}, fix it or tag the cell raises-exception"
            continue
        if output.output_type == "stream" and output.name == "stderr":
            yield "stores text on stderr, remove what warns"
        data = output.get("data", {"text/plain": output.get("text", "")})
        if any(_is_chinese(v) for mime, v in data.items() if not mime.startswith("image/")):
            yield "prints Chinese without ' · English' on the same line"
        if "image/png" in data:
            if BARE_REPR.fullmatch(data.get("text/plain", "<>")):
                yield "shows an image without its digest, import helpers before drawing"
            if fault := image_fault(data["image/png"]):
                yield fault


def _is_chinese(text: object) -> bool:
    """Whether a line of `text` is Chinese alone; exercise checks answer "中文 · English"."""
    lines = [line for line in str(text).split("\n") if prose.CHINESE.search(line)]
    return any(not prose.bilingual(line) for line in lines)


def image_fault(png: str) -> str | None:
    """What is wrong with a stored PNG (base64), or None.

    A picture that decodes and shows something is taken on trust: whether it is the picture that its
    digest describes cannot be seen here, nor by nbval. Only running the cell again draws it anew.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(png)), formats=["PNG"]) as image:
            small, extrema = min(image.size) < 16, image.convert("RGB").getextrema()
    except (ValueError, OSError, SyntaxError):  # Pillow's name for a broken PNG is SyntaxError
        return "stores an image that is no readable PNG"
    if small or all(low == high for low, high in extrema):
        return "stores an image that shows nothing"
    return None


def _tag_faults(cell: NotebookNode) -> Iterator[str]:
    for tag in course.tags(cell):
        if tag not in TAGS and not tag.startswith(TAG_PREFIXES):
            yield f"has the unknown tag {tag!r}"


def _exemption_faults(cell: NotebookNode) -> Iterator[str]:
    try:
        if course.exempt(cell) is not None and TRAIN_CALL.search(cell.source):
            yield "trains and is exempt, a training cell is always compared"
    except ValueError as error:
        yield str(error)
    try:
        printed = any(output.output_type == "stream" for output in cell.get("outputs", ()))
        pictured = not printed and ".png" in cell.source
        widest = WIDEST_PICTURE if pictured else WIDEST
        if not 0 <= max(course.tolerance(cell)) <= widest:
            yield f"has a tolerance of {max(course.tolerance(cell)):g}, more than {widest:g}"
    except ValueError as error:
        yield str(error)
