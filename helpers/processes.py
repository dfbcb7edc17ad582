"""Several processes that work together: starting them with torchrun, and finding each other."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from uuid import uuid4

import torch
import torch.distributed as dist
import torch.distributed.nn  # before there is a group, which its defaults would keep for ever
from torch import Tensor

LOOPBACK = "127.0.0.1"
GRACE = 10  # seconds for torchrun to end its workers when it is told to stop
LOST = re.compile(r"lost the others|by peer|Timed out waiting")  # said when another one has failed


def local_device(kind: str = "auto") -> torch.device:
    """The device of this process: the GPU of its number on this machine, or the CPU.

    kind: "cuda", "cpu", or "auto", which takes GPUs where there are any, and NCCL.
    Raises ValueError when this machine has fewer GPUs than processes.
    """
    gpus = torch.cuda.device_count() if dist.is_nccl_available() else 0
    processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    if kind == "cpu" or (kind == "auto" and gpus == 0):
        return torch.device("cpu")
    if gpus < processes:
        raise ValueError(
            f"{processes} processes were started on a machine with {gpus} GPUs for NCCL; "
            "start one for each GPU, or give --device cpu."
        )
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0)))
    torch.cuda.set_device(device)
    return device


@contextmanager
def process_group(device: torch.device, patience: float = 30) -> Iterator[tuple[int, int]]:
    """Join the processes that torchrun started, with NCCL for GPUs, else gloo: (rank, world).

    patience: seconds to wait for another process, in any exchange. A process that torchrun did not
    start is a group of its own. Raises OSError when the others cannot be found, or are lost.
    """
    backend, wait = "nccl" if device.type == "cuda" else "gloo", timedelta(seconds=patience)
    alone = "RANK" not in os.environ
    try:
        if alone:
            store, rank, world = dist.HashStore(), 0, 1
        else:
            store, rank, world = next(dist.rendezvous("env://", timeout=wait))
            if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True":  # which keeps all attempts
                attempt = os.environ["TORCHELASTIC_RESTART_COUNT"]  # each machine counts its own
                store = dist.PrefixStore(f"attempt {attempt}", store)
        options = dict(store=store, rank=rank, world_size=world)
        dist.init_process_group(backend, timeout=wait, **options)
    except (RuntimeError, OSError) as error:  # DistError is a RuntimeError
        address = ":".join(os.environ.get(f"MASTER_{name}", "?") for name in ("ADDR", "PORT"))
        reason = "the port is in use" if "EADDRINUSE" in str(error) else str(error).splitlines()[0]
        raise OSError(f"The processes cannot meet at {address}: {reason}.") from None
    if not alone:
        leave_with(os.getppid())
    try:
        yield rank, world
    except RuntimeError as error:
        if not re.search(r"[Cc]onnection|[Tt]imed out|peer", str(error)):
            raise
        raise OSError(f"Process {rank} of {world} lost the others: it heard no more.") from None
    finally:
        dist.destroy_process_group()


def total(value: Tensor) -> Tensor:
    """The sum of `value` over all processes, in each of them."""
    dist.all_reduce(value)
    return value


def agree(number: int, device: torch.device) -> bool:
    """Whether all processes give the same number; all of them hear the same answer."""
    ends = torch.tensor([number, -number], device=device)
    dist.all_reduce(ends, dist.ReduceOp.MAX)  # the largest, and minus the smallest
    return bool(ends.sum() == 0)


def leave_with(parent: int) -> None:
    """End this process when the one that started it is gone; alone it would wait for nothing.

    Not on Windows, where a process keeps the number of a parent that is gone.
    """

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def torchrun(
    *command: str,
    processes: int = 2,
    machines: int = 1,
    port: int | None = None,
    max_restarts: int = 0,
    timeout: float = 300,
    cwd: Path | None = None,
) -> str:
    """Run `torchrun command` with `processes` processes of one thread; returns what they print.

    machines: start as many agents, each with its own processes, which meet as those of several
    machines do, here all on this one. port: where they meet; by default one that is free.
    max_restarts: how often a failed process may be replaced. timeout: seconds for all.
    cwd: the folder in which they run, and from which they import.
    No process is left when this returns or raises. Raises RuntimeError, one sentence, when the run
    fails or takes too long, and OSError when the port is in use.
    """
    if port or machines > 1:  # one agent alone takes a free port itself, at 0: none comes between
        port = free_port(port)
    agent = [sys.executable, "-m", "torch.distributed.run", f"--nnodes={machines}"]
    agent += [f"--nproc-per-node={processes}", f"--max-restarts={max_restarts}"]
    agent += ["--rdzv-backend=c10d", f"--rdzv-endpoint={LOOPBACK}:{port or 0}"]
    agent += [f"--rdzv-id={uuid4().hex}", "--rdzv-conf=join_timeout=60,read_timeout=30"]
    agent += [f"--local-addr={LOOPBACK}"]
    env = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    env |= {"PYTHONUTF8": "1", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}  # each start meets anew
    if sys.platform == "linux":  # so that gloo does not ask a name server for this machine
        env["GLOO_SOCKET_IFNAME"] = "lo"
    elif sys.platform == "win32":
        env["USE_LIBUV"] = "0"  # which PyTorch lacks there
    agents, end = [], time.monotonic() + timeout
    text = dict(mode="w+", encoding="utf-8", errors="replace")
    with TemporaryFile(**text) as out, TemporaryFile(**text) as err:
        try:
            for _ in range(machines):
                streams = dict(stdout=out, stderr=err)
                agents.append(subprocess.Popen([*agent, *command], env=env, cwd=cwd, **streams))
            codes = [one.wait(max(0, end - time.monotonic())) for one in agents]
        except subprocess.TimeoutExpired:
            codes = None
        finally:
            for one in agents:
                stop(one)
        printed, log = (file.seek(0) or file.read() for file in (out, err))
    if codes is None:
        raise RuntimeError(f"torchrun was stopped after {timeout:g} s. {cause(log)}".rstrip())
    if any(codes):
        raise RuntimeError(cause(log) or f"torchrun failed. {log[-300:]}")
    return printed


def free_port(port: int | None = None) -> int:
    """`port`, or one that nobody uses. Raises OSError when it is in use."""
    with socket.socket() as probe:
        if sys.platform != "win32":  # there it would take the port away from another program
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # just closed is free
        try:
            probe.bind((LOOPBACK, port or 0))
        except OSError:
            raise OSError(f"Port {port} is in use on this machine; choose another.") from None
        return probe.getsockname()[1]


def stop(agent: subprocess.Popen) -> None:
    """End an agent and, through it, its workers."""
    if agent.poll() is None:
        agent.terminate()
        try:
            agent.wait(GRACE)
        except subprocess.TimeoutExpired:
            agent.kill()
            time.sleep(2)  # its workers see that it is gone


def cause(log: str) -> str:
    """The sentence in what torchrun writes when a worker fails: which one, and why; else ""."""
    reports = re.findall(r"^\s*rank\s*: (\d+).*\n\s*exitcode\s*: (-?\d+)", log, re.MULTILINE)
    failed = {rank: int(code) for rank, code in reports if int(code) != -signal.SIGTERM}
    for rank, code in failed.items():  # with SIGTERM torchrun ends the others
        if code < 0:
            return f"Process {rank} was killed ({signal.Signals(-code).name})."
    said = re.findall(r"^(?:\[rank\d+\]: ?)?[\w.]*(?:Error|distributed): .+", log, re.MULTILINE)
    for sentence in said:
        if not LOST.search(sentence):
            return "torchrun failed. " + re.sub(r"^\[rank\d+\]: ?", "", sentence)
    innocent = set(re.findall(r"(?:^\[rank|Process )(\d+)", "\n".join(said), re.MULTILINE))
    for rank, code in failed.items():
        if rank not in innocent:
            return f"Process {rank} ended with exit code {code}."
    return f"torchrun failed. {said[0]}" if said else ""
