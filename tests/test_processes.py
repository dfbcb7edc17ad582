"""torchrun and its processes in mishaps: a right result or one sentence, and nothing left over."""

import ast
import os
import re
import socket
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch
import torch.distributed as dist

from helpers import distributed, processes
from helpers.processes import cause, free_port, local_device, torchrun
from tools import course, scaling
from tools.course import ROOT

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="lists and ends processes as POSIX")

# Says what is wrong, also in bytes that are no UTF-8, and then neither ends nor heeds SIGTERM.
STUBBORN = r"""
import os, signal, sys, time
from pathlib import Path
sys.stderr.buffer.write(b"\xff\n")
print("ValueError: the disk is full", file=sys.stderr, flush=True)
Path(sys.argv[1]).touch()
from helpers.processes import leave_with
leave_with(os.getppid())
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""

# Process 1 ends without a word while process 0 waits for it.
SILENT = """
import os
import torch
import torch.distributed as dist
from helpers.processes import process_group
with process_group(torch.device("cpu")) as (rank, _):
    dist.barrier()
    if rank == 1:
        os._exit(3)
    dist.barrier()
"""

REPORT = """
  rank      : {} (local_rank: {})
  exitcode  : {} (pid: 4711)
"""


def left_behind(path) -> list[str]:
    """The processes that name `path` in their command line."""
    listed = subprocess.run(["ps", "-axww", "-o", "command"], capture_output=True, text=True)
    return [line for line in listed.stdout.splitlines() if str(path) in line and line[:2] != "ps"]


def script(folder, text, monkeypatch):
    """A file with `text` that can import the course."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    path = folder / "script.py"
    path.write_text(text, encoding="utf-8")
    return path


# ---- devices -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("gpus", "nccl"), [(0, True), (2, False)], ids=["no GPU", "no NCCL"])
def test_without_gpus_there_is_the_cpu_or_one_sentence(monkeypatch, gpus, nccl):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(dist, "is_nccl_available", lambda: nccl)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert local_device() == torch.device("cpu")
    with pytest.raises(ValueError, match="2 processes were started on a machine with 0 GPUs"):
        local_device("cuda")


def test_communication_is_measured_between_gpus_or_on_the_cpu():
    assert [scaling.plan(gpus) for gpus in (0, 1)] == [("cpu", [2])] * 2
    assert [scaling.plan(gpus)[1] for gpus in (2, 3, 4, 8)] == [[2], [2], [2, 4], [2, 4, 8]]


def test_chapter_23_takes_gpus_where_there_are_two(monkeypatch):
    nb = course.read(course.NOTEBOOKS / "23_distributed.ipynb")
    found = {}
    for gpus in (0, 1, 2, 4):
        monkeypatch.setattr(torch.cuda, "device_count", lambda gpus=gpus: gpus)
        monkeypatch.setattr(dist, "is_nccl_available", lambda: True)
        tree = ast.parse(course.code_cells(nb)[0].source)
        names = "device", "processes"
        body = [n for n in tree.body if isinstance(n, ast.Assign) and n.targets[0].id in names]
        here = {"torch": torch, "dist": dist}
        exec(compile(ast.Module(body, type_ignores=[]), "23_distributed", "exec"), here)
        found[gpus] = here["device"], here["processes"]
    assert found == {0: ("cpu", 2), 1: ("cpu", 2), 2: ("cuda", 2), 4: ("cuda", 4)}
    assert any('"--device", device' in cell.source for cell in course.code_cells(nb))


# ---- the command line -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nonsense", "helpers.distributed:nonsense", ":lenet", ""])
def test_a_network_that_is_not_there_is_one_sentence(name):
    with pytest.raises(ValueError, match=f"^--net {name} is no module:function"):
        distributed.make_net(name)


@pytest.mark.parametrize("option", ["--save-every", "--batch-size", "--epochs", "--num-train"])
def test_what_is_counted_is_at_least_one(option, capsys):
    with pytest.raises(SystemExit):
        distributed.options([option, "0"])
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"{option}: 0 is less than 1")


# ---- ports -------------------------------------------------------------------------------------


def test_a_busy_port_is_one_sentence():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(OSError, match=f"Port {port} is in use on this machine; choose another"):
            torchrun("-m", "helpers.distributed", port=port)
        env = os.environ | {"RANK": "0", "WORLD_SIZE": "1", "MASTER_PORT": str(port)}
        env["MASTER_ADDR"] = "127.0.0.1"
        command = [sys.executable, "-m", "helpers.distributed", "--device", "cpu"]
        run = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == (
        f"helpers.distributed: The processes cannot meet at 127.0.0.1:{port}: the port is in use."
    )
    assert free_port(port) == port


@on_posix
def test_a_port_that_was_closed_a_moment_ago_is_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address):
            server.accept()[0].close()  # who closes first keeps the port in TIME_WAIT
    assert free_port(address[1]) == address[1]


def test_two_runs_at_the_same_port_do_not_mix(monkeypatch):
    started = []

    def popen(command, **_):
        started.append(next(word for word in command if word.startswith("--rdzv-id=")))
        return SimpleNamespace(wait=lambda seconds: 0, poll=lambda: 0)

    monkeypatch.setattr(processes.subprocess, "Popen", popen)
    for _ in range(2):
        torchrun("x.py", machines=2)
    one, two, three, four = started
    assert one == two != three == four


# ---- how a run ends ----------------------------------------------------------------------------


@on_posix
def test_a_run_that_takes_too_long_is_stopped_with_its_processes(tmp_path, monkeypatch):
    path, begun = script(tmp_path, STUBBORN, monkeypatch), tmp_path / "begun"
    monkeypatch.setattr(processes, "GRACE", 2)
    with pytest.raises(RuntimeError, match=r"^torchrun was stopped after 12 s\.") as stopped:
        torchrun(str(path), str(begun), timeout=12)
    assert str(stopped.value).endswith("ValueError: the disk is full") == begun.exists()
    assert not left_behind(tmp_path)


@on_posix
def test_a_process_that_ends_without_a_word_is_named(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match=r"^Process 1 ended with exit code 3\.$"):
        torchrun(str(script(tmp_path, SILENT, monkeypatch)), timeout=120)
    assert not left_behind(tmp_path)


@pytest.mark.parametrize(
    "said",
    [
        "helpers.distributed: Process 0 of 2 lost the others: it heard no more.",
        "[rank0]: RuntimeError: [pair.cc:554] Connection closed by peer [127.0.0.1]:15432",
    ],
)
def test_who_only_lost_the_others_is_not_the_cause(said):
    log = said + REPORT.format(0, 0, 1)
    assert said.split(": ", 1)[1] in cause(log), "nobody else has failed"
    assert cause(log + REPORT.format(1, 1, 1)) == "Process 1 ended with exit code 1."
    assert cause(log + REPORT.format(1, 1, -9)) == "Process 1 was killed (SIGKILL)."
    log += "\n[rank1]: ValueError: no data" + REPORT.format(1, 1, 1)
    assert cause(log) == "torchrun failed. ValueError: no data"
    assert cause(re.sub("ValueError", "note", log)) == "Process 1 ended with exit code 1."


@on_posix
def test_a_worker_leaves_with_its_agent():
    worker = "from helpers.processes import *; leave_with(os.getppid()); print(); time.sleep(60)"
    agent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    command = [sys.executable, "-c", agent, worker]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    process.stdout.readline()  # the worker is ready
    process.kill()
    process.wait()
    started = time.monotonic()
    process.stdout.read()  # ends when nobody holds the other end any more
    assert time.monotonic() - started < 10
