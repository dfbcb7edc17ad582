"""What every tool knows about the course: where things are and how a notebook is stored."""

import json
import os
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
RESULTS = ROOT / "results"

CORES = 2  # that the course counts on: one kernel computes in two threads, two in one each
ATOL, RTOL = 1e-5, 1e-4  # how far a printed number may move where its cell says nothing else

KERNELSPEC = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE_INFO = {"name": "python"}


def notebooks(folder: Path = NOTEBOOKS) -> list[Path]:
    """The course's notebooks, in the order of their chapters."""
    return sorted(folder.glob("[0-9][0-9]_*.ipynb"))


def read(path: Path) -> NotebookNode:
    """The notebook stored at `path`, as nbformat 4."""
    return nbformat.read(path, as_version=4)


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    """The code cells that hold code; a cell's number is its place in this list, from 0."""
    return [cell for cell in nb.cells if cell.cell_type == "code" and cell.source.strip()]


def tags(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return list(cell.metadata.get("tags", []))


def budget(nb: NotebookNode) -> float:
    """Seconds that a `quick` run of the notebook may take on two cores.

    Raises ValueError when its metadata do not say.
    """
    try:
        return float(nb.metadata["course"]["budget"])
    except (KeyError, TypeError, ValueError):
        raise ValueError('no budget in the metadata; write "course": {"budget": 20}') from None


def tolerance(cell: NotebookNode) -> tuple[float, float]:
    """(atol, rtol) for the numbers a cell prints: its tag `nbval-tol:0.02`, or the default.

    Raises ValueError when the tag holds no number.
    """
    for tag in tags(cell):
        if tag.startswith("nbval-tol:"):
            try:
                return float(tag.removeprefix("nbval-tol:")), 0.0
            except ValueError:
                raise ValueError(f"the tag {tag!r} holds no number; write nbval-tol:0.02") from None
    return ATOL, RTOL


def exempt(cell: NotebookNode) -> str | None:
    """Why the outputs of a cell are not compared, or None for a cell that is compared.

    Raises ValueError when an exempt cell does not say why.
    """
    if not {"nbval-ignore-output", "nbval-skip"} & set(tags(cell)):
        return None
    for tag in tags(cell):
        if tag.startswith("why:"):
            return tag.removeprefix("why:").strip()
    raise ValueError("an exempt cell says why in a second tag, such as 'why:live timing'")


def canonical(nb: NotebookNode) -> NotebookNode:
    """A copy of `nb` that holds nothing that differs from run to run.

    No time stamps, widget state or stray metadata; cell metadata keep `tags` and `mystnb`,
    notebook metadata keep `course`; the pieces of a stream are joined.
    """
    metadata = {"kernelspec": KERNELSPEC, "language_info": LANGUAGE_INFO}
    if "course" in nb.metadata:
        metadata["course"] = nb.metadata["course"]
    return nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": metadata,
            "cells": [_canonical_cell(cell) for cell in nb.cells],
        }
    )


def _canonical_cell(cell: NotebookNode) -> dict:
    kept = {
        "cell_type": cell.cell_type,
        "id": cell.id,
        "metadata": {k: cell.metadata[k] for k in ("tags", "mystnb") if cell.metadata.get(k)},
        "source": cell.source.strip("\n"),
    }
    if cell.cell_type == "code":
        kept["execution_count"] = cell.execution_count
        kept["outputs"] = [_canonical_output(o) for o in joined_streams(cell.outputs)]
    return kept


def _canonical_output(output: NotebookNode) -> dict:
    kept = {k: v for k, v in output.items() if k not in ("metadata", "transient")}
    if output.output_type in ("display_data", "execute_result"):
        kept["metadata"] = {}
    return kept


def joined_streams(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """`outputs` with the pieces of each stream joined into the first of them."""
    joined, streams = [], {}
    for output in map(NotebookNode, outputs):
        if output.output_type == "stream" and output.name in streams:
            streams[output.name].text += output.text
            continue
        if output.output_type == "stream":
            streams[output.name] = output
        joined.append(output)
    return joined


def dumps(nb: NotebookNode) -> str:
    """The text of a notebook file: what git stores."""
    split = nbformat.v4.rwbase.split_lines(nbformat.from_dict(json.loads(json.dumps(nb))))
    return json.dumps(split, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def write_atomic(path: Path, data: bytes) -> None:
    """Put `data` at `path`; a reader, or a kill at any moment, finds the old file or the new."""
    incoming = path.parent / ".incoming"  # hidden, ignored by git, on the same file system
    incoming.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=incoming, suffix=path.suffix)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def kernel_env(out: Path, profile: str = "quick", threads: int = 1) -> dict[str, str]:
    """The environment of a notebook's kernel, the same for the runner and the gate.

    `out` is the folder that takes the run's figures and results.
    """
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    env.pop("MPLBACKEND", None)  # the kernel chooses the inline one
    env |= {k: str(threads) for k in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    return env | {
        "PYTHONHASHSEED": "0",
        "COURSE_PROFILE": profile,
        "COURSE_OUT": str(out),
        "IPYTHONDIR": str(out / "ipython"),  # no start-up files, no shared history
    }
