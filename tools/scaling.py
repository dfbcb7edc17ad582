"""Measure what data parallelism costs on this machine: `python -m tools.scaling`.

Records into results/scaling.json, with hardware and versions, for 2, 4, ... processes (one for each
GPU, or 2 on the CPU where there are no two GPUs): the seconds of an all-reduce by size, and those
of a training step, with and without communication. Chapter 23 shows them. The machine should have
nothing else to do.
"""

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from datetime import date
from functools import partial

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from helpers import resnet18
from helpers.distributed import lenet
from helpers.processes import local_device, process_group, torchrun
from helpers.shards import backward
from tools.course import RESULTS, write_atomic

BATCH = 32  # examples of each process
SIZES = [2**k for k in range(12, 26, 2)]  # bytes, 4 KiB to 16 MiB
ROUNDS = 200


def mlp() -> nn.Sequential:
    """Many parameters, little work: what communication likes least."""
    layers = [nn.Linear(784, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(2048, 10))


def small_resnet() -> nn.Sequential:
    """Few parameters, much work."""
    return resnet18(10, stem="small", width=1 / 8)


def shortest(works: list[Callable[[], object]], device: torch.device) -> list[float]:
    """The shortest time of each work, in seconds; other work on the machine can only add to it.

    They take turns, so that a busy moment strikes all alike. All processes begin together, and a
    turn lasts until the slowest has done.
    """
    times = torch.zeros(ROUNDS, len(works), dtype=torch.float64, device=device)
    for turn in range(-2, ROUNDS):  # the first ones allocate
        for i, work in enumerate(works):
            dist.barrier()
            start = time.perf_counter()
            work()
            if device.type == "cuda":
                torch.cuda.synchronize()
            times[max(turn, 0), i] = time.perf_counter() - start
    dist.all_reduce(times, dist.ReduceOp.MAX)
    return [round(seconds, 7) for seconds in times.amin(dim=0).tolist()]


def step_times(make: Callable[[], nn.Module], device: torch.device) -> dict:
    """Seconds of forward and backward of a network, with and without communication."""
    X, y = torch.rand(BATCH, 1, 28, 28, device=device), torch.arange(BATCH, device=device) % 10
    weight = torch.full((BATCH,), 1 / BATCH, device=device)
    net = DistributedDataParallel(make().to(device))

    def alone():
        with net.no_sync():
            backward(net, X, y, weight)

    compute, step = shortest([alone, lambda: backward(net, X, y, weight)], device)
    size = sum(p.nbytes for p in net.parameters())
    return dict(net=make.__name__, bytes=size, compute=compute, step=step)


def measure(kind: str) -> dict:
    """What one group of processes measures; the same in each of them."""
    device = local_device(kind)
    with process_group(device) as (_, world):
        data = [torch.zeros(size // 4, device=device) for size in SIZES]
        times = shortest([partial(dist.all_reduce, x) for x in data], device)
        steps = [step_times(make, device) for make in (lenet, small_resnet, mlp)]
        pairs = [list(pair) for pair in zip(SIZES, times, strict=True)]
        return dict(processes=world, backend=dist.get_backend(), allreduce=pairs, steps=steps)


def plan(gpus: int) -> tuple[str, list[int]]:
    """The device, and how many processes to measure: (kind, counts)."""
    return ("cuda", [2**k for k in range(1, gpus.bit_length())]) if gpus > 1 else ("cpu", [2])


def hardware(kind: str) -> str:
    if kind == "cuda":
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"{platform.machine()} CPU, {os.cpu_count()} cores, 1 thread a process"


def main() -> None:
    kind, counts = plan(torch.cuda.device_count() if dist.is_nccl_available() else 0)
    runs = []
    for count in counts:
        printed = torchrun("-m", "tools.scaling", kind, processes=count, timeout=600)
        runs.append(json.loads(printed.splitlines()[0]))
    record = {
        "hardware": hardware(kind),
        "versions": {"torch": torch.__version__.split("+")[0]},
        "date": date.today().isoformat(),
        "batch": BATCH,
        "runs": runs,
    }
    write_atomic(RESULTS / "scaling.json", (json.dumps(record, indent=1) + "\n").encode())
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    if "RANK" in os.environ:
        found = measure(sys.argv[1])
        if os.environ["RANK"] == "0":
            print(json.dumps(found), flush=True)
    else:
        main()
