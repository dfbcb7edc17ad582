"""Small notebooks for the tests of the guard and the gate, and how to run pytest on them."""

import base64
import io
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import numpy as np
from nbformat import NotebookNode, v4
from PIL import Image

from tools import course

# nbformat brings in rfc3987_syntax, whose import takes 4 s and which no test here needs.
PYTEST = "import sys; sys.modules['rfc3987_syntax'] = None; import pytest; sys.exit(pytest.main())"

TITLE = v4.new_markdown_cell("# 试验 · A trial")


def png(pixels: np.ndarray | None = None) -> str:
    """A PNG (base64); of noise, unless `pixels` (H, W, 3), uint8, are given."""
    if pixels is None:
        pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def stdout(text: str) -> NotebookNode:
    return v4.new_output("stream", name="stdout", text=text)


def stderr(text: str) -> NotebookNode:
    return v4.new_output("stream", name="stderr", text=text)


def shown(text: str, image: str | None = None) -> NotebookNode:
    """What display() leaves: a text, with an image if one is given."""
    data = {"text/plain": text} | ({"image/png": image} if image else {})
    return v4.new_output("display_data", data=data)


def result(text: str) -> NotebookNode:
    return v4.new_output("execute_result", data={"text/plain": text}, execution_count=1)


def code(source: str, *outputs: NotebookNode, tags: Iterable[str] = ()) -> NotebookNode:
    return v4.new_code_cell(source, outputs=list(outputs), metadata={"tags": list(tags)})


def text(source: str, *tags: str) -> NotebookNode:
    return v4.new_markdown_cell(source, metadata={"tags": list(tags)})


def notebook(*cells: NotebookNode, budget: float = 20, title: NotebookNode = TITLE) -> NotebookNode:
    """A notebook in canonical form whose code cells have the counts 1, 2, 3, ..."""
    nb = v4.new_notebook(cells=[title, *cells], metadata={"course": {"budget": budget}})
    for count, cell in enumerate((c for c in cells if c.cell_type == "code"), start=1):
        cell.execution_count = count
    return course.canonical(nb)


def write(folder: Path, **notebooks: NotebookNode) -> Path:
    """Store notebooks as `folder/name.ipynb`; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, nb in notebooks.items():
        nbformat.validate(nb)
        (folder / f"{name}.ipynb").write_text(course.dumps(nb), encoding="utf-8")
    return folder


def run_pytest(folder: Path, *options: str) -> tuple[dict[str, str], str, int]:
    """Run pytest on `folder` in a process of its own.

    Returns "notebook::cell" -> "passed", "skipped" (or expected to fail) or the failure's text;
    the terminal's text; the exit status.
    """
    report = folder / f"{abs(hash(options))}.xml"
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    env |= {"PYTHONPATH": str(course.ROOT), "IPYTHONDIR": str(folder / "ipython")}
    command = [sys.executable, "-c", PYTEST, "-p", "no:cacheprovider", "--color=no"]
    done = subprocess.run(
        [*command, f"--rootdir={folder}", f"--junitxml={report}", *options, str(folder)],
        cwd=folder, env=env, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    verdicts = {}
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        name = f"{case.get('classname').split('.')[0]}::{case.get('name')}"
        verdicts[name] = next(filter(None, map(_verdict, case)), "passed")
    return verdicts, done.stdout + done.stderr, done.returncode


def _verdict(child: ElementTree.Element) -> str | None:
    if child.tag in ("failure", "error"):
        return child.text or child.get("message")
    return "skipped" if child.tag == "skipped" else None
