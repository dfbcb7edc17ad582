"""Say what is in place and what is missing: `python -m tools.doctor`, or `make doctor`.

A line for Python, each package, helpers, Jupyter's kernel, each device and each data file: OK, or
what to do. Needs no package, and no recent Python. Exit status 1 when there is something to do.
"""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
RANGE = re.compile(r'"?([\w-]+)"?\s*(?:=\s*")?>=([\d.]+),\s*<([\d.]+)"')  # in pyproject.toml
SHIPPED = "FashionMNIST/", "cat.png"  # come with the course; the rest is downloaded when needed
WEIGHTS = "weights/fashion_clothes_resnet18.pt"  # of chapter 25
PEER = "0.17.6"  # the release of d2l that has the names of the book


class Line(NamedTuple):
    name: str
    found: str
    verdict: str = "OK"
    fault: bool = False  # something must be done


def version(text: str) -> tuple[int, ...]:
    """The numbers of a version: 2.14.1+cpu -> (2, 14, 1)."""
    return tuple(int(n) for n in re.findall(r"\d+", re.split(r"[^\d.]", text)[0]))


def ranges() -> dict[str, tuple[str, str]]:
    """Name -> (lowest, first that is too new), of the packages and of requires-python."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return {name: (low, high) for name, low, high in RANGE.findall(text)}


def tested() -> dict[str, str]:
    """Name -> the exact version of requirements.txt, with which the course was made."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+)==([\w.]+)$", text, re.MULTILINE))


def installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def pip(arguments: str) -> str:
    """The command that installs into the environment of this program."""
    here = Path(sys.executable)
    python = here.relative_to(ROOT) if ROOT in here.parents else "python"
    return f"{python} -m pip install {arguments}"


def check_python() -> Line:
    low, high = ranges()["requires-python"]
    found = ".".join(map(str, sys.version_info[:3]))
    if version(low) <= sys.version_info[:2] < version(high):
        return Line("Python", found)
    advice = f"the course needs Python {low} or newer, below {high}: install one, make a new .venv"
    return Line("Python", found, advice, fault=True)


def check_package(name: str, exact: str, low: str, high: str) -> Line:
    found, do = installed(name), pip("-r requirements.txt")
    if found is None:
        return Line(name, "-", f"missing; run {do}", fault=True)
    if version(found) < version(low):
        return Line(name, found, f"older than {low}; run {do}", fault=True)
    if version(found) >= version(high):
        return Line(name, found, f"newer than the course knows ({high} and up); run {do}", True)
    return Line(name, found, "OK" if version(found) == version(exact) else f"OK (tested: {exact})")


def check_test_packages() -> Line:
    text = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
    missing = [n for n in re.findall(r"^([\w-]+)==", text, re.MULTILINE) if not installed(n)]
    if not missing:
        return Line("packages for make test", "all")
    advice = f"only to run the tests: {pip('-r requirements-dev.txt')}"
    return Line("packages for make test", f"{len(missing)} missing", advice)


def check_helpers() -> Line:
    """Whether a notebook in any folder finds helpers, and this repository's."""
    code = "import importlib.util as u; s = u.find_spec('helpers'); print(s.origin if s else '')"
    with tempfile.TemporaryDirectory() as elsewhere:
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=elsewhere, capture_output=True, text=True
        )
    origin, do = run.stdout.strip(), pip("--no-deps -e .")
    if not origin:
        return Line("helpers", "-", f"not found outside this folder; run {do}", fault=True)
    if not Path(origin).is_relative_to(ROOT):
        return Line("helpers", "another", f"{origin} is not this course's; run {do}", fault=True)
    return Line("helpers", "installed")


def check_kernel() -> Line:
    """Whether Jupyter's kernel named python3 is this Python."""
    try:
        from jupyter_client.kernelspec import KernelSpecManager

        python = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except Exception as error:  # no jupyter_client, or no kernel at all
        why = str(error).splitlines()[0]
        return Line("Jupyter kernel", "-", f"{why}; run {pip('-r requirements.txt')}", fault=True)
    if not Path(python).is_absolute() or Path(python).parent == Path(sys.executable).parent:
        return Line("Jupyter kernel", "this Python")
    advice = f"make lab uses this Python all the same; elsewhere choose it in place of {python}"
    return Line("Jupyter kernel", "another", advice)


def check_devices() -> list[Line]:
    try:
        from helpers import try_all_gpus

        devices = [str(device) for device in try_all_gpus()]
    except Exception as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        return [Line("device", "-", f"helpers cannot be imported: {why}", fault=True)]
    if devices == ["cpu"] and shutil.which("nvidia-smi"):
        advice = "OK, yet there is an NVIDIA GPU that this build of torch does not use"
        return [Line("device", "cpu", advice)]
    return [Line("device", device) for device in devices]


def check_data() -> list[Line]:
    """Each file that is needed. Read from download.py itself, which also works without torch."""
    spec = importlib.util.spec_from_file_location("_download", ROOT / "helpers" / "download.py")
    download = sys.modules["_download"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(download)
    try:
        folder = download.data_dir()
    except ModuleNotFoundError:  # the cache of an installed copy is pooch's to name
        folder = ROOT / "data"
    files = [*download.REGISTRY.values()]
    with suppress(Exception):  # without torch, of which other lines tell
        from helpers.images import CAT

        files.append(CAT)
    return [*(check_file(file, folder) for file in files), check_weights(folder)]


def check_file(file, folder: Path) -> Line:
    shipped, name = file.name.startswith(SHIPPED), f"data {Path(file.name).name}"
    paths = [folder / file.name, *[ROOT / "data" / file.name] * shipped]
    there = [path.read_bytes() for path in paths if path.is_file()]
    size = f"{file.size / 1e6:.1f} MB" if file.size >= 1e6 else f"{file.size / 1e3:.0f} kB"
    do = "its next use downloads it"
    if shipped:
        do = f"run git checkout -- data/{file.name}, or {do}"
    algorithm, _, digest = file.hash.partition(":")
    if any(hashlib.new(algorithm, content).hexdigest() == digest for content in there):
        return Line(name, size)
    if there or shipped:
        found, what = (size, "damaged") if there else ("-", "missing")
        return Line(name, found, f"{what}; {do}", fault=True)
    return Line(name, "-", f"OK, {size} to download when it is used first")


def check_weights(folder: Path) -> Line:
    """The pretrained weights of chapter 25; their file is a zip archive with check sums."""
    name, do = "data pretrained weights", "run git checkout -- data, or python -m tools.pretrain"
    path = next((p for p in (folder / WEIGHTS, ROOT / "data" / WEIGHTS) if p.is_file()), None)
    if path is None:
        return Line(name, "-", f"missing; {do}", fault=True)
    size = f"{path.stat().st_size / 1e6:.1f} MB"
    with suppress(Exception), zipfile.ZipFile(path) as archive:
        if archive.testzip() is None:
            return Line(name, size)
    return Line(name, size, f"damaged; {do}", fault=True)


def check_d2l() -> Line:
    found = installed("d2l")
    if found in (None, PEER):
        return Line("d2l", found or "-", "OK" if found else "OK, the course does not need it")
    advice = f"warning: not {PEER}, which has the book's names; the course needs none of them"
    return Line("d2l", found, advice)


def examine() -> Iterator[Line]:
    """All lines, in the order in which a fault should be mended."""
    yield (python := check_python())
    if python.fault:  # what follows is written for the course's Python
        return
    limits = ranges()
    for name, exact in tested().items():
        yield check_package(name, exact, *limits[name])
    yield check_test_packages()
    yield check_helpers()
    yield check_kernel()
    yield from check_devices()
    yield from check_data()
    yield check_d2l()


def main() -> int:
    faults = 0
    for line in examine():
        print(f"{line.name:<32} {line.found:<12} {line.verdict}", flush=True)
        faults += line.fault
    print("Everything is in place." if not faults else f"{faults} to mend, the topmost first.")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
