"""How an executed notebook is stored: what agrees with the stored outputs and figures stays.

Both are compared within the tolerance of their cell, pictures by their digest, so that an
unchanged course gives an empty diff on every machine, and a diff means that something changed.
"""

import subprocess
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools import compare, course

NEW = "new code"
RECORDS = "record_result(", "results_table("  # cells that say what a training run came to


def store(
    nb: NotebookNode,
    path: Path,
    authors: dict[str, int],
    out: Path,
    root: Path,
    full: bool = False,
    fresh: bool = False,
) -> tuple[dict[int, str], dict[str, str]]:
    """Store the figures, the notebook and the results of an executed notebook, in this order.

    `authors` tells which cell wrote which file in `out/figures`. A full run stores everything
    new, beside what is stored: in figures/full and results/full. Returns the cells with new
    outputs -> why, and the figures -> "written" or "kept".
    """
    stored = {} if fresh or full else stored_cells(path, root)
    changes = keep_outputs(nb, stored)
    cells = course.code_cells(nb)
    gallery = root / "figures" / "full" if full else root / "figures"
    figures = {}
    for name, number in sorted(authors.items()):
        tolerance = None if number in changes else course.tolerance(cells[number])
        figures[name] = store_figure(out / "figures" / name, gallery / name, root, tolerance)
    target = root / "results" / "full" / path.name if full else path
    _write(target, course.dumps(course.canonical(nb)).encode("utf-8"))
    store_results(out / "results.jsonl", root, replace=any(records(cells[n]) for n in changes))
    return changes, figures


def _write(path: Path, data: bytes) -> None:
    if not path.exists() or path.read_bytes() != data:
        course.write_atomic(path, data)


def committed(path: Path, root: Path) -> bytes | None:
    """The file as the last commit has it, or None where git knows no such file."""
    return _git(root, "cat-file", "blob", f"HEAD:./{path.relative_to(root).as_posix()}")


def _git(root: Path, *words: str) -> bytes | None:
    try:
        git = subprocess.run(["git", *words], cwd=root, capture_output=True)
    except OSError:  # no git on this machine
        return None
    return git.stdout if git.returncode == 0 else None


def stored_cells(path: Path, root: Path) -> dict[str, NotebookNode]:
    """The stored code cells by id, to which new outputs may be compared.

    Code is as the last commit has it, outputs are those of the file, or the committed ones where
    the file has none. A notebook that is not committed yet has nothing stored; without git the
    file alone counts.
    """
    here = _by_id(course.read(path))
    if (head := committed(path, root)) is None:
        return {} if _git(root, "rev-parse", "--git-dir") else here
    stored = _by_id(nbformat.reads(head.decode("utf-8"), as_version=4))
    for key in stored.keys() & here.keys():
        if here[key].outputs and here[key].source == stored[key].source:
            stored[key] = here[key]
    return stored


def _by_id(nb: NotebookNode) -> dict[str, NotebookNode]:
    return {cell.id: cell for cell in course.code_cells(course.canonical(nb))}


def keep_outputs(nb: NotebookNode, stored: dict[str, NotebookNode]) -> dict[int, str]:
    """Put the stored outputs of every cell that agrees back into `nb`.

    Returns the number of each cell that keeps its new outputs -> why. An exempt cell takes its
    stored outputs as long as no code up to it has changed. Cells that record training runs or show
    what is recorded are new together or stay together, so that a chapter gives one number once.
    """
    changes, same_code, cells = {}, True, course.code_cells(nb)
    for number, cell in enumerate(cells):
        old = stored.get(cell.id)
        if old is None or old.source != cell.source:
            changes[number], same_code = NEW, False
            continue
        exempt = course.exempt(cell) and same_code and old.outputs
        why = compare.outputs_agree(old.outputs, cell.outputs, *course.tolerance(cell))
        if why and not exempt:
            changes[number] = why
    if any(records(cells[number]) for number in changes):
        runs = (number for number, cell in enumerate(cells) if records(cell))
        changes = {number: "another cell's run is recorded anew" for number in runs} | changes
    for number, cell in enumerate(cells):
        if number in changes:
            continue
        cell.outputs = stored[cell.id].outputs
        for output in cell.outputs:
            if output.output_type == "execute_result":  # a cell above it may be new
                output.execution_count = cell.execution_count
    return dict(sorted(changes.items()))


def records(cell: NotebookNode) -> bool:
    """Whether a cell records a training run, or shows those that are recorded."""
    return any(word in cell.source for word in RECORDS)


def store_figure(new: Path, target: Path, root: Path, tolerance: tuple[float, float] | None) -> str:
    """Put the figure file `new` at `target` unless the stored one agrees: "written" or "kept".

    The stored one is the file at `target`, or the committed one where there is no file. With
    `tolerance` None only an equal one agrees.
    """
    drawn = new.read_bytes()
    old = target.read_bytes() if target.exists() else committed(target, root)
    kept = old == drawn or (old and tolerance and _digests_agree(old, new, tolerance))
    _write(target, old if kept else drawn)
    return "kept" if kept else "written"


def _digests_agree(old: bytes, new: Path, tolerance: tuple[float, float]) -> bool:
    from helpers import read_digest  # imports torch, so only where it is needed

    copy = new.with_name(f"stored-{new.name}")
    copy.write_bytes(old)
    was, now = read_digest(copy), read_digest(new)
    return None not in (was, now) and compare.agree(was, now, *tolerance) is None


def figure_names(folder: Path) -> list[str]:
    """The stored figures of quick runs, by their path below `folder`."""
    names = (p.relative_to(folder).as_posix() for p in folder.rglob("*.*") if p.is_file())
    return sorted(n for n in names if not n.startswith(("full/", ".")) and "/." not in n)


def store_results(lines: Path, root: Path, replace: bool) -> None:
    """Merge the records of a notebook's training runs, if it made any, into results.json.

    Where no cell that records has new outputs, `replace` is False: the records there stay.
    """
    if lines.exists():
        from helpers import results  # imports torch, so only where it is needed

        results.merge(lines, root / "results" / "results.json", replace=replace)


def write_summary(root: Path) -> None:
    """Write RESULTS.md anew from results.json, if there is one."""
    if (path := root / "results" / "results.json").exists():
        from helpers import results

        results.write_markdown(path, path.with_name("RESULTS.md"))
