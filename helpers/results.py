"""One record per training run, and the table that a chapter shows of them.

`results/results.json` is a list of records: what was published, what `quick` gives on a laptop and
what `full` gave on the hardware that it names. Notebooks add to it only when `make run-all` runs
them; a learner's own runs change no file.
"""

import json
import os
import platform
from datetime import date
from pathlib import Path
from statistics import mean, stdev

import torch

from .devices import profile
from .training import History

STORE = Path(__file__).resolve().parent.parent / "results" / "results.json"
METRICS = ("train_loss", "train_acc", "test_loss", "test_acc")
_this_run: list[dict] = []  # what this kernel recorded; newer than the file


def record_result(
    notebook: str, run: str, histories: History | list[History], seeds: list[int] | int = 0
) -> dict:
    """Record a training run, or the same run with several seeds, under (notebook, run, profile).

    The record holds the last epoch's metrics as means over the seeds (and `test_acc_std`). It is
    written to `$COURSE_OUT/results.jsonl` if COURSE_OUT is set, as `make run-all` does.
    """
    histories = [histories] if isinstance(histories, History) else list(histories)
    seeds = [seeds] if isinstance(seeds, int) else list(seeds)
    if len(histories) != len(seeds):
        raise ValueError(f"{len(histories)} runs were given with {len(seeds)} seeds.")
    record = {"notebook": notebook, "run": run, "profile": profile(), "seeds": seeds}
    record["epochs"] = len(histories[0].train_loss)
    for name in METRICS:
        if last := [getattr(h, name)[-1] for h in histories if getattr(h, name)]:
            record[name] = round(mean(last), 5)
            if name == "test_acc" and len(last) > 1:
                record["test_acc_std"] = round(stdev(last), 5)
    record["device"] = histories[0].device
    record["versions"] = {"torch": torch.__version__.split("+")[0]}
    if profile() == "full":
        record["hardware"] = _hardware(histories[0].device)
        record["examples_per_s"] = round(mean(h.examples_per_second for h in histories))
        record["seconds"] = round(mean(sum(h.seconds) for h in histories), 1)
        record["date"] = date.today().isoformat()
    _this_run[:] = [r for r in _this_run if _key(r) != _key(record)] + [record]
    if out := os.environ.get("COURSE_OUT"):
        with open(Path(out) / "results.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
    return record


def results_table(notebook: str):
    """The runs of a chapter, published, `quick` and `full`, as a table in Markdown."""
    from IPython.display import Markdown

    known = {_key(r): r for r in [*_load(STORE), *_this_run]}
    return Markdown(_table([r for r in known.values() if r["notebook"] == notebook]))


def merge(lines: Path, store: Path = STORE, *, replace: bool = True) -> None:
    """Take the records of one notebook's run, one JSON object a line, into the store.

    replace: False keeps the records that are there and adds only what is missing.
    """
    if not lines.exists():
        return
    new = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    new = {_key(r): r for r in new}
    old = {_key(r): r for r in _load(store)}
    both = old | new if replace else old | new | old
    records = sorted(both.values(), key=lambda r: r["notebook"])  # the runs stay in their order
    text = "[\n" + ",\n".join(json.dumps(r) for r in records) + "\n]\n"
    _write(store, text)


def write_markdown(store: Path, target: Path) -> None:
    """Write RESULTS.md: the tables of all chapters."""
    records = _load(store)
    parts = ["# Results\n\nMade from `results.json` by `make run-all`; do not edit.\n"]
    for notebook in sorted({r["notebook"] for r in records}):
        table = _table([r for r in records if r["notebook"] == notebook])
        parts.append(f"## {notebook}\n\n{table}\n")
    _write(target, "\n".join(parts))


def _table(records: list[dict]) -> str:
    rows = ["| run | | seeds | train loss | train acc | test acc | on |", "|--|--|--|--|--|--|--|"]
    for run in dict.fromkeys(r["run"] for r in records):
        by_profile = {r["profile"]: r for r in records if r["run"] == run}
        for name in ("published", "quick", "full"):
            if found := by_profile.get(name):
                rows.append(_row(run, name, found))
            elif name == "full":
                rows.append(f"| {run} | full | | | | | not yet run |")
    return "\n".join(rows)


def _row(run: str, name: str, record: dict) -> str:
    cells = [_cell(record, m) for m in ("train_loss", "train_acc", "test_acc")]
    where = record.get("hardware") or record["device"]
    return " | ".join([f"| {run}", name, str(len(record.get("seeds", [0]))), *cells, f"{where} |"])


def _cell(record: dict, metric: str) -> str:
    if metric not in record:
        return "figure only" if record["profile"] == "published" else "–"
    spread = record.get(f"{metric}_std")
    return f"{record[metric]:.3f}" + (f" ± {spread:.3f}" if spread is not None else "")


def _key(record: dict) -> tuple[str, str, str]:
    return record["notebook"], record["run"], record["profile"]


def _load(store: Path) -> list[dict]:
    return json.loads(store.read_text(encoding="utf-8")) if store.exists() else []


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _hardware(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {os.cpu_count()} cores"
