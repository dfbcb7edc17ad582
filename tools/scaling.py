"""Measure what data parallelism costs on this machine: `python -m tools.scaling`.

Records into results/scaling.json, with hardware and versions, for 1, 2, 4, ... processes (one for
each GPU, else 1 and 2 on the CPU): the seconds of an all-reduce by size, and those of a training
step, with and without communication. Chapter 23 shows them.
"""

import json
import os
import platform
import time
from collections.abc import Callable
from datetime import date

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
SIZES = [2**k for k in range(12, 26, 2)]  # bytes, 4 KB to 16 MB


def mlp() -> nn.Sequential:
    """Many parameters, little work: what communication likes least."""
    layers = [nn.Linear(784, 2048), nn.ReLU(), nn.Linear(2048, 2048), nn.ReLU()]
    return nn.Sequential(nn.Flatten(), *layers, nn.Linear(2048, 10))


def small_resnet() -> nn.Sequential:
    """Few parameters, much work."""
    return resnet18(10, stem="small", width=1 / 8)


def seconds(work: Callable[[], object], repeats: int) -> float:
    """The shortest time of `work` (other work on the machine only adds); all begin together."""
    times = []
    for _ in range(repeats + 2):
        dist.barrier()
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times[2:])  # the first ones allocate


def measure() -> dict:
    """What one group of processes measures; the same in each of them, nearly."""
    device = local_device()
    with process_group(device) as (_, world):
        found = {"processes": world, "backend": dist.get_backend(), "allreduce": [], "steps": []}
        for size in SIZES if world > 1 else ():
            x = torch.zeros(size // 4, device=device)
            found["allreduce"].append([size, round(seconds(lambda: dist.all_reduce(x), 40), 7)])  # noqa: B023
        X, y = torch.rand(BATCH, 1, 28, 28, device=device), torch.arange(BATCH, device=device) % 10
        weight = torch.full((BATCH,), 1 / BATCH, device=device)
        for make in (lenet, small_resnet, mlp):
            net = DistributedDataParallel(make().to(device))
            whole = seconds(lambda: backward(net, X, y, weight), 20)  # noqa: B023
            with net.no_sync():
                compute = seconds(lambda: backward(net, X, y, weight), 20)  # noqa: B023
            size = sum(p.nbytes for p in net.parameters())
            row = dict(
                net=make.__name__, bytes=size, compute=round(compute, 6), step=round(whole, 6)
            )
            found["steps"].append(row)
    return found


def hardware() -> str:
    if torch.cuda.is_available():
        return f"{torch.cuda.device_count()} x {torch.cuda.get_device_name()}"
    return f"{platform.machine()} CPU, {os.cpu_count()} cores, 1 thread a process"


def main() -> None:
    counts, runs = [1, 2], []
    while 2 * counts[-1] <= torch.cuda.device_count():
        counts.append(2 * counts[-1])
    if torch.cuda.device_count() == 1:
        counts = [1]
    for count in counts:
        runs.append(json.loads(torchrun("-m", "tools.scaling", processes=count).splitlines()[0]))
    record = {
        "hardware": hardware(),
        "versions": {"torch": torch.__version__.split("+")[0]},
        "date": date.today().isoformat(),
        "batch": BATCH,
        "runs": runs,
    }
    write_atomic(RESULTS / "scaling.json", (json.dumps(record, indent=1) + "\n").encode())
    print(json.dumps(record, indent=1))


if __name__ == "__main__":
    if "RANK" in os.environ:
        found = measure()
        if os.environ["RANK"] == "0":
            print(json.dumps(found), flush=True)
    else:
        main()
