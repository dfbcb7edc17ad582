"""Measure helpers against d2l on this machine: `python -m tools.bench [ROW ...]`, or `make bench`.

Each row times both in turn, warm, some times in one run, and compares the best times. They run in a
Jupyter kernel, where figures are really drawn. The peer is d2l 0.17.6 beside current packages; it
reads the same files as helpers. What was measured goes to results/bench.json, a list with a record
for each hardware and versions: a new row replaces that of the same record, all others stay.
"""

import gzip
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from importlib import metadata
from importlib.util import find_spec
from operator import itemgetter
from pathlib import Path

import torch
from jupyter_client import KernelManager

from helpers.download import data_dir
from tools import course
from tools.bench_rows import DEVICE, ROWS
from tools.execute import ANSI, ThisInterpreter


def unpack_for_d2l(folder: Path) -> None:
    """Fashion-MNIST as d2l wants it, in `folder`/data."""
    raw = folder / "data" / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (data_dir() / "FashionMNIST" / "raw").glob("*.gz"):
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))


def in_kernel(code: str, cwd: Path) -> None:
    """Run `code` in a kernel of this interpreter and print what it prints, while it runs.

    Raises RuntimeError with the traceback when it fails.
    """

    def show(message: dict) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            print(message["content"]["text"], end="", flush=True)

    manager = KernelManager(kernel_spec_manager=ThisInterpreter())
    env = os.environ | {"PYTHONPATH": str(course.ROOT)}
    manager.start_kernel(cwd=str(cwd), env=env, stderr=subprocess.DEVNULL)
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        reply = client.execute_interactive(code, allow_stdin=False, output_hook=show)["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["status"] != "ok":
        raise RuntimeError(ANSI.sub("", "\n".join(reply["traceback"])))


def processor() -> str:
    """The model of the CPU where the system tells it, else its kind."""
    info = Path("/proc/cpuinfo")
    text = info.read_text(encoding="utf-8") if info.exists() else ""
    model = re.search(r"^model name\s*: (.+)", text, re.MULTILINE)
    return model[1] if model else platform.processor() or platform.machine()


def record(seconds: dict[str, list[float | None]]) -> dict:
    """What results/bench.json holds of a run."""
    rows = {}
    for name, (ours, theirs) in seconds.items():
        rows[name] = {"helpers": round(ours, 5)}
        if theirs is not None:
            rows[name] |= {"d2l": round(theirs, 5), "ratio": round(theirs / ours, 1)}
        if bar := ROWS[name][1]:
            rows[name]["bar"] = bar
    packages = ("torch", "torchvision", "numpy", "matplotlib", "d2l")
    on = torch.cuda.get_device_name(DEVICE) + ", " if DEVICE.type == "cuda" else ""
    return {
        "hardware": f"{on}{processor()}, {os.cpu_count()} cores",
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in packages},
        "seconds": rows,
    }


def merged(stored: list[dict], found: dict) -> list[dict]:
    """`stored` with the rows of `found`, in the record of the same machine or in one at the end."""
    machine = itemgetter("hardware", "versions")
    places = [machine(old) for old in stored]
    if machine(found) not in places:
        return [*stored, found]
    place = places.index(machine(found))
    rows = stored[place]["seconds"] | found["seconds"]
    new = found | {"seconds": {name: rows[name] for name in ROWS if name in rows}}
    return [*stored[:place], new, *stored[place + 1 :]]


def main(argv: list[str] | None = None) -> int:
    """Exit status: 0 all bars were reached, 1 one was not, 2 nothing could be measured."""
    names = sys.argv[1:] if argv is None else argv
    if unknown := set(names) - ROWS.keys():
        print(f"bench: no row is called {', '.join(unknown)}; there are: {', '.join(ROWS)}.")
        return 2
    if find_spec("d2l") is None:
        print("bench: d2l is missing; pip install --no-deps -r requirements-d2l.txt")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        unpack_for_d2l(Path(folder))
        here, target = Path(folder) / "here", Path(folder) / "seconds.json"  # d2l reads ../data
        here.mkdir()
        print(f"{'':24}{'helpers':>10}{'d2l':>11}{'ratio':>8}{'bar':>8}")
        code = (
            f"from tools import bench_rows; bench_rows.measure({names or [*ROWS]}, {str(target)!r})"
        )
        in_kernel(code, cwd=here)
        found = record(json.loads(target.read_text(encoding="utf-8")))
    path = course.RESULTS / "bench.json"
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    text = json.dumps(merged(stored, found), indent=1) + "\n"
    course.write_atomic(path, text.encode("utf-8"))
    rows = found["seconds"].values()
    return int(any(row["ratio"] < row["bar"] for row in rows if "bar" in row))


if __name__ == "__main__":
    sys.exit(main())
