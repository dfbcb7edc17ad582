"""How far the numbers of notebooks move from one way of computing to another.

    python -m tools.spread 16 18

Runs each notebook with one thread and with two, and with AVX2 in place of AVX-512, stores nothing,
and tells for each cell how much tolerance its outputs would have needed, against the stored ones
and against each other. That is what the cell's tag `nbval-tol:...` has to allow.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbformat import NotebookNode

from tools import compare, course
from tools.execute import execute, scratch_folder
from tools.run_all import select

AVX2 = {
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
}
VARIANTS = {"1 thread": (1, {}), "2 threads": (2, {}), "AVX2": (1, AVX2)}
STEPS = [course.ATOL, 0.001, 0.002, 0.005, *(n / 100 for n in range(1, 31)), 1.0, 10.0]


@contextmanager
def environment(values: dict[str, str]) -> Iterator[None]:
    """`values` in the environment, for as long as the block runs."""
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def needed(a: NotebookNode, b: NotebookNode) -> float | None:
    """The least tolerance of STEPS with which two runs of a cell agree; None: words differ."""
    fits = (t for t in STEPS if not compare.outputs_agree(a.outputs, b.outputs, t, course.RTOL))
    return next(fits, None)


def spread(path: Path, folder: Path) -> Iterator[str]:
    """A line for each cell whose outputs moved by more than the default tolerance."""
    stored = course.code_cells(course.read(path))
    runs = {"stored": stored}
    for name, (threads, values) in VARIANTS.items():
        nb, out = course.canonical(course.read(path)), folder / path.stem / name
        (out / "figures").mkdir(parents=True)
        with environment(values):
            asyncio.run(execute(nb, out, "quick", path.parent, lambda number: None, threads))
        runs[name] = course.code_cells(nb)
    for number, cell in enumerate(stored):
        allowed = course.tolerance(cell)[0]
        moved = {
            (a, b): needed(runs[a][number], runs[b][number])
            for a, b in itertools.combinations(runs, 2)
        }
        most = max(moved.values(), key=lambda m: float("inf") if m is None else m)
        if most is None or most > course.ATOL:
            pair = next(pair for pair, m in moved.items() if m == most)
            verdict = "MORE THAN ALLOWED" if most is None or most > allowed else ""
            amount = "words" if most is None else f"{most:g}"
            line = f"{number:4}  {amount:>6} of {allowed:<7g} {' / '.join(pair):22} {verdict}"
            yield line.rstrip()


def main(argv: list[str] | None = None) -> int:
    only = " ".join(sys.argv[1:] if argv is None else argv)
    with scratch_folder(course.ROOT) as folder:
        for path in select(only, course.notebooks()):
            print(path.stem, flush=True)
            print("cell  spread", *spread(path, folder), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
