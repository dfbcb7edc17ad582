"""Measure helpers against d2l on this machine: `python -m tools.bench`, or `make bench`.

Each row times both in turn, several times in one run, and compares the best times. The peer is d2l
0.17.6, run beside current packages; its files are the same as ours, unpacked as it wants them.
"""

import gzip
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from helpers import Animator, load_data_fashion_mnist
from helpers.download import data_dir
from tools import course

ROUNDS = 3


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def versus(ours: Callable[[], object], theirs: Callable[[], object]) -> tuple[float, float]:
    """The best of some rounds of each, taken in turn after one round that warms up."""
    ours(), theirs()
    rounds = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
    return min(r[0] for r in rounds), min(r[1] for r in rounds)


def epoch_of_batches(d2l) -> tuple[float, float]:
    """60,000 training images in batches of 256."""
    ours, theirs = load_data_fashion_mnist(256)[0], d2l.load_data_fashion_mnist(256)[0]
    return versus(lambda: sum(len(y) for _, y in ours), lambda: sum(len(y) for _, y in theirs))


def animator_points(d2l, points: int = 50) -> tuple[float, float]:
    """Points of three curves."""

    def draw(animator) -> None:
        for i in range(points):
            animator.add(i, (i, i / 2, i / 3))

    d2l.display.display = d2l.display.clear_output = lambda *args, **kwargs: None
    return versus(
        lambda: (a := Animator(), draw(a), a.fig.canvas.draw()),
        lambda: (a := d2l.Animator(), draw(a), a.fig.canvas.draw()),
    )


def import_time() -> tuple[float, float]:
    """What `import` costs in a new process where torch is there already."""

    def importing(module: str) -> float:
        code = f"import torch, time; t = time.perf_counter(); import {module}"
        code += "; print(time.perf_counter() - t)"
        return float(subprocess.check_output([sys.executable, "-c", code], cwd=course.ROOT))

    rounds = [(importing("helpers"), importing("d2l.torch")) for _ in range(ROUNDS + 1)]
    return min(r[0] for r in rounds), min(r[1] for r in rounds)


def unpack_for_d2l(folder: Path) -> None:
    raw = folder / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (data_dir() / "FashionMNIST" / "raw").glob("*.gz"):
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))


def main() -> int:
    try:
        from d2l import torch as d2l
    except ImportError:
        print("bench: d2l is missing; pip install --no-deps -r requirements-d2l.txt")
        return 2
    d2l.plt.switch_backend("Agg")
    with tempfile.TemporaryDirectory() as folder:
        unpack_for_d2l(Path(folder))
        (Path(folder) / "here").mkdir()
        os.chdir(Path(folder) / "here")  # d2l reads ../data
        rows = {
            "epoch of batches": epoch_of_batches(d2l),
            "50 Animator points": animator_points(d2l),
            "import on top of torch": import_time(),
        }
        os.chdir(course.ROOT)
    print(f"{'':24}{'helpers':>10}{'d2l':>10}{'ratio':>8}")
    for name, (ours, theirs) in rows.items():
        print(f"{name:24}{ours:8.3f} s{theirs:8.3f} s{theirs / ours:7.1f}x")
    record = {
        "hardware": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "seconds": {n: {"helpers": round(o, 4), "d2l": round(t, 4)} for n, (o, t) in rows.items()},
    }
    text = json.dumps(record, indent=1) + "\n"
    course.write_atomic(course.RESULTS / "bench.json", text.encode("utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
