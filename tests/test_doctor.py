"""What `make doctor` says of a healthy place, and of each thing that can be wrong with one."""

import hashlib
import subprocess
import sys
import types
from pathlib import Path

import pytest

from tools import doctor

FILE = types.SimpleNamespace(
    name="FashionMNIST/raw/a.gz", size=5, hash="md5:" + hashlib.md5(b"right").hexdigest()
)


def run(*options: str) -> subprocess.CompletedProcess:
    command = [sys.executable, *options, "-m", "tools.doctor"]
    return subprocess.run(command, cwd=doctor.ROOT, capture_output=True, text=True)


def test_without_any_package_it_still_tells_everything():
    bare = run("-S")  # no site-packages
    assert (bare.returncode, bare.stderr) == (1, "")
    lines = bare.stdout.splitlines()
    for name in doctor.tested():
        line = next(line for line in lines if line.startswith(f"{name} "))
        assert "missing; run" in line and "pip install -r requirements.txt" in line
    assert sum(line.startswith("data ") and line.endswith("OK") for line in lines) >= 4
    assert any(line.startswith("device ") and "cannot be imported" in line for line in lines)
    assert lines[-1].endswith("to mend, the topmost first.")


def test_here_there_is_nothing_to_mend(capsys):
    """The other tests need the packages and the data too."""
    assert doctor.main() == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert last == "Everything is in place."
    for line in lines:
        name, found, verdict = line[:32].rstrip(), line[33:45].rstrip(), line[46:]
        assert f"{name:<32} {found:<12} {verdict}" == line and line.isascii(), "aligned"
    assert {line.partition(" ")[0] for line in lines} >= {"Python", "helpers", "device", "data"}
    for name in doctor.tested():
        assert any(line.startswith(f"{name} ") and " OK" in line for line in lines)


@pytest.mark.parametrize(
    "found, verdict, fault",
    [
        ("2.14.1", "OK", False),
        ("2.14.1+cpu", "OK", False),
        ("2.9.0", "OK (tested: 2.14.1)", False),
        ("2.15.0rc1", "OK (tested: 2.14.1)", False),
        ("2.5.1", "older than 2.6", True),
        ("3.0.0", "newer than the course knows", True),
        (None, "missing", True),
    ],
)
def test_a_package_is_held_against_the_tested_version_and_the_range(
    monkeypatch, found, verdict, fault
):
    monkeypatch.setattr(doctor, "installed", lambda name: found)
    line = doctor.check_package("torch", "2.14.1", "2.6", "3")
    assert line.verdict.startswith(verdict) and line.fault is fault
    assert ("requirements.txt" in line.verdict) is fault


def test_ranges_and_versions_are_read_from_the_projects_files():
    limits = doctor.ranges()
    assert limits["requires-python"] == ("3.11", "3.14")
    assert doctor.tested().keys() == limits.keys() - {"requires-python"}


@pytest.mark.parametrize("python", [(3, 8, 18), (3, 10, 1), (3, 14, 0)])
def test_another_python_is_all_that_it_speaks_of(monkeypatch, python):
    monkeypatch.setattr(sys, "version_info", python)
    (line,) = doctor.examine()
    assert line.fault and "3.11 or newer, below 3.14" in line.verdict


@pytest.mark.parametrize(
    "content, verdict",
    [(b"right", "OK"), (b"wrong", "damaged; "), (b"", "damaged; "), (None, "missing; ")],
)
def test_a_data_file_is_known_by_its_hash(tmp_path, monkeypatch, content, verdict):
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    path = tmp_path / "data" / FILE.name
    path.parent.mkdir(parents=True)
    if content is not None:
        path.write_bytes(content)
    line = doctor.check_file(FILE, tmp_path / "data")
    assert line.verdict.startswith(verdict) and line.fault is (verdict != "OK")
    assert ("git checkout -- data/FashionMNIST/raw/a.gz" in line.verdict) is line.fault
    elsewhere = doctor.check_file(FILE, tmp_path / "other")  # as COURSE_DATA would name it
    assert elsewhere == line, "what ships with the course is used there too"
    (tmp_path / "other" / FILE.name).parent.mkdir(parents=True)
    (tmp_path / "other" / FILE.name).write_bytes(b"right")
    assert doctor.check_file(FILE, tmp_path / "other").verdict == "OK"


def test_data_that_only_full_runs_need_is_no_fault(tmp_path):
    file = types.SimpleNamespace(name="cifar10.tgz", size=170_000_000, hash="md5:0")
    line = doctor.check_file(file, tmp_path)
    assert line.verdict == "OK, 170.0 MB to download when it is used first" and not line.fault


def test_every_registered_file_that_is_here_is_checked():
    from helpers.download import REGISTRY

    assert [line.name for line in doctor.check_data()] == [
        f"data {Path(name).name}" for name in [*REGISTRY, "cat.png", "pretrained weights"]
    ]


def test_the_weights_of_chapter_25_are_whole_wherever_the_data_is(tmp_path, monkeypatch):
    raw = (doctor.ROOT / "data" / doctor.WEIGHTS).read_bytes()
    assert doctor.check_weights(tmp_path / "elsewhere").verdict == "OK"
    monkeypatch.setattr(doctor, "ROOT", tmp_path)
    line = doctor.check_weights(tmp_path / "data")
    assert line.fault and line.verdict.startswith("missing; run git checkout -- data")
    path = tmp_path / "data" / doctor.WEIGHTS
    path.parent.mkdir(parents=True)
    path.write_bytes(raw)
    assert doctor.check_weights(tmp_path / "data").verdict == "OK"
    middle = len(raw) // 2
    for damaged in (raw[:-99], raw[:middle] + b"damage" + raw[middle + 6 :], b""):
        path.write_bytes(damaged)
        line = doctor.check_weights(tmp_path / "data")
        assert line.fault and "damaged; run git checkout" in line.verdict


@pytest.mark.parametrize(
    "origin, found, fault",
    [
        ("", "-", True),
        ("/elsewhere/helpers/__init__.py", "another", True),
        (str(doctor.ROOT / "helpers" / "__init__.py"), "installed", False),
    ],
)
def test_helpers_must_be_found_from_any_folder_and_be_ours(monkeypatch, origin, found, fault):
    answer = types.SimpleNamespace(stdout=f"{origin}\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: answer)
    line = doctor.check_helpers()
    assert (line.found, line.fault) == (found, fault)
    assert ("pip install --no-deps -e ." in line.verdict) is fault


@pytest.mark.parametrize(
    "python, found",
    [
        ("python", "this Python"),  # Jupyter puts its own there
        (sys.executable, "this Python"),
        (str(Path("/opt/conda/bin/python").absolute()), "another"),
    ],
)
def test_a_kernel_of_another_python_is_told(monkeypatch, python, found):
    from jupyter_client import kernelspec

    spec = types.SimpleNamespace(argv=[python])
    monkeypatch.setattr(kernelspec.KernelSpecManager, "get_kernel_spec", lambda *args: spec)
    line = doctor.check_kernel()
    assert line.found == found and not line.fault
    assert (python in line.verdict) is (found == "another")


def test_a_broken_torch_is_a_sentence_and_no_traceback(monkeypatch):
    monkeypatch.setitem(sys.modules, "helpers", None)
    (line,) = doctor.check_devices()
    assert line.fault and "cannot be imported" in line.verdict


@pytest.mark.parametrize("gpu, note", [(None, "OK"), ("/usr/bin/nvidia-smi", "NVIDIA GPU")])
def test_a_cpu_is_fine_and_an_unused_gpu_is_told(monkeypatch, gpu, note):
    import helpers

    monkeypatch.setattr(helpers, "try_all_gpus", lambda: ["cpu"])
    monkeypatch.setattr(doctor.shutil, "which", lambda name: gpu)
    (line,) = doctor.check_devices()
    assert line.found == "cpu" and line.verdict.startswith("OK") and note in line.verdict


@pytest.mark.parametrize(
    "found, verdict", [(None, "OK"), ("0.17.6", "OK"), ("1.0.3", "warning"), ("0.16.2", "warning")]
)
def test_another_d2l_is_warned_of_and_is_no_fault(monkeypatch, found, verdict):
    monkeypatch.setattr(doctor, "installed", lambda name: found)
    line = doctor.check_d2l()
    assert line.verdict.startswith(verdict) and not line.fault
