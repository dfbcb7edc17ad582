"""Training with several processes, held against one process, and resumed after a death.

Starting processes takes seconds, so few are started and several tests look at each.
"""

import ast
import os
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from helpers import distributed, fashion_mnist
from helpers.processes import torchrun
from helpers.shards import Shards, backward
from tests.test_processes import left_behind
from tools import course
from tools.course import ROOT

TRAIN = ["-m", "helpers.distributed", "--epochs", "2", "--num-train", "700", "--num-test", "301"]
TRAIN += ["--batch-size", "97", "--save-every", "3", "--device", "cpu"]  # uneven parts
WAIT = 240  # seconds for a run that takes ten; the machine may be busy

# Processes, each of which leaves the gradients that DistributedDataParallel gave it.
GRADIENTS = """
import sys, torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from helpers.distributed import lenet
from helpers.processes import agree, local_device, process_group
from helpers.shards import Shards, backward
torch.backends.cudnn.allow_tf32 = False
device = local_device(sys.argv[2])
X, y, batch_sizes, folder = torch.load(sys.argv[1], map_location=device)
with process_group(device) as (rank, world):
    torch.manual_seed(0)
    net = DistributedDataParallel(lenet().to(device))
    found = {}
    for batch_size in batch_sizes:
        net.zero_grad()
        sums = backward(net, *Shards(X, y, batch_size, rank, world)[0])
        dist.all_reduce(sums)
        found[batch_size] = sums.cpu(), [p.grad.cpu() for p in net.parameters()]
    found["agree"] = [agree(4, device), agree(4 + rank, device)]
    torch.save(found, f"{folder}/{rank}.pt")
"""

# A network whose process 1 is killed in the middle of the second epoch, once: $MARK tells whether
# it was. It draws random numbers and has running statistics; `healthy` is the same and lives.
VICTIM = """
import os, signal
from pathlib import Path
from torch import nn
from helpers.distributed import lenet

def healthy():
    first, *others = lenet()
    return nn.Sequential(first, nn.BatchNorm2d(6), *others[:6], nn.Dropout(), *others[6:])

class Victim(nn.Sequential):
    steps = 0
    def forward(self, X):
        self.steps += self.training
        mark = Path(os.environ["MARK"])
        if self.steps == 12 and os.environ["RANK"] == "1" and not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(X)

def net():
    return Victim(*healthy())
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder for the runs of this file, from which workers can import; its name is unique."""
    if sys.platform == "win32":
        pytest.skip("kills processes and lists them as POSIX does")
    path = tmp_path_factory.mktemp("distributed")
    (path / "gradients.py").write_text(GRADIENTS, encoding="utf-8")
    (path / "victim.py").write_text(VICTIM, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(path), str(ROOT)]))
        yield path


@pytest.fixture(scope="module")
def undisturbed(folder):
    """What two processes print, and the checkpoint that they end with."""
    path = folder / "undisturbed.pt"
    printed = torchrun(*TRAIN, "--checkpoint", str(path), timeout=WAIT)
    return printed, torch.load(path)


@pytest.fixture(scope="module")
def unharmed(folder):
    """The checkpoint with which the victim's network ends when nobody kills it."""
    path = folder / "unharmed.pt"
    torchrun(*TRAIN, "--net", "victim:healthy", "--checkpoint", str(path), timeout=WAIT)
    return torch.load(path)


def assert_same_run(one: dict, other: dict) -> None:
    """Two checkpoints of the same training, equal to the last bit."""
    assert one["step"] == other["step"]
    for name in ("train_loss", "train_acc", "test_acc"):
        assert one["history"][name] == other["history"][name]
    for part in ("net", "optimizer"):
        pairs = zip(tensors(one[part]), tensors(other[part]), strict=True)
        assert all(a.equal(b) for a, b in pairs), part


def tensors(state) -> list[torch.Tensor]:
    """All tensors in nested dictionaries."""
    if isinstance(state, torch.Tensor):
        return [state]
    return [t for v in state.values() for t in tensors(v)] if isinstance(state, dict) else []


def gradients_of_the_mean(X, y):
    """The oracle: one process, the whole batch, the mean of the losses."""
    torch.manual_seed(0)
    net = distributed.lenet()
    F.cross_entropy(net(X.float() / 255), y).backward()
    return [p.grad for p in net.parameters()]


# ---- by hand, as chapter 22 defines it ---------------------------------------------------------


@pytest.fixture(scope="module")
def chapter():
    """The definitions of chapter 22, executed as they stand in its cells."""
    nb = course.read(course.NOTEBOOKS / "22_multi_gpu.ipynb")
    trees = [ast.parse(cell.source) for cell in course.code_cells(nb)]
    kept = ast.Import, ast.ImportFrom, ast.FunctionDef
    body = [node for tree in trees for node in tree.body if isinstance(node, kept)]
    names = {"traffic": Counter(), "loss": nn.CrossEntropyLoss(reduction="none")}
    exec(compile(ast.Module(body, type_ignores=[]), "22_multi_gpu", "exec"), names)
    return names


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("shape", [(1,), (7,), (3, 4)], ids=str)
@pytest.mark.parametrize("name", ["allreduce", "ring_allreduce"])
def test_an_all_reduce_is_the_sum_on_every_device(chapter, name, shape, n):
    start = [torch.randn(shape) for _ in range(n)]
    data = [x.clone() for x in start]
    chapter[name](data)
    for x in data:
        torch.testing.assert_close(x, torch.stack(start).sum(dim=0))
        assert x.equal(data[0])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [12, 10, 3], ids=["even", "uneven", "fewer than devices"])
def test_a_step_on_several_devices_follows_the_gradient_of_the_whole_batch(chapter, batch_size, n):
    X, y = (t[:batch_size] for t in fashion_mnist(train=True))
    X, devices = X.float() / 255, [torch.device("cpu")] * n
    torch.manual_seed(0)
    start = [p.requires_grad_() for p in chapter["init_params"](0.1)]
    right = torch.autograd.grad(F.cross_entropy(chapter["lenet"](X, start), y), start)
    copies = [chapter["get_params"](start, device) for device in devices]
    optimizers = [torch.optim.SGD(params, lr=1) for params in copies]
    mean_loss = chapter["train_batch"](X, y, copies, optimizers, devices)
    for params in copies:
        for before, after, gradient in zip(start, params, right, strict=True):
            torch.testing.assert_close(before - after, gradient, rtol=0, atol=1e-5)
    assert mean_loss.item() == pytest.approx(F.cross_entropy(chapter["lenet"](X, start), y).item())


# ---- the parts of a batch ----------------------------------------------------------------------


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [4, 7, 23, 50])
def test_the_parts_hold_each_example_once_an_epoch(world, batch_size):
    X = torch.arange(23.0).reshape(23, 1)
    parts = [Shards(X, X, batch_size, rank, world) for rank in range(world)]
    for epoch in range(2):
        steps = range(epoch * len(parts[0]), (epoch + 1) * len(parts[0]))
        seen = [x for p in parts for s in steps for x, _, w in zip(*p[s], strict=True) if w > 0]
        assert sorted(int(x) for x in seen) == list(range(23))
    sizes = [len(p[0][0]) for p in parts]
    assert max(sizes) - min(sizes) <= 1


def test_each_epoch_has_its_order_and_the_world_has_no_part_in_it():
    X = torch.arange(20)
    one, two = Shards(X, X, 20, 0, 1), Shards(X, X, 20, 1, 2)
    assert one.batch(0).equal(two.batch(0))
    assert not one.batch(0).equal(one.batch(1))
    assert not one.batch(0).equal(Shards(X, X, 20, seed=1).batch(0))


@pytest.mark.parametrize("world", [1, 2, 3, 4])
@pytest.mark.parametrize("batch_size", [12, 10, 3], ids=["even", "uneven", "fewer than processes"])
def test_the_mean_of_the_parts_gradients_is_that_of_the_batch(world, batch_size):
    X, y = (t[:batch_size] for t in fashion_mnist(train=True))
    found, sums = [], torch.zeros(3)
    for rank in range(world):
        torch.manual_seed(0)
        net = distributed.lenet()
        sums += backward(net, *Shards(X, y, batch_size, rank, world)[0])
        found.append([p.grad for p in net.parameters()])
    for ours, right in zip(zip(*found, strict=True), gradients_of_the_mean(X, y), strict=True):
        torch.testing.assert_close(sum(ours) / world, right, rtol=0, atol=1e-5)
    assert sums[2] == batch_size


no_gpus = torch.cuda.device_count() < 2 or not dist.is_nccl_available()
on_gpus = pytest.mark.skipif(no_gpus, reason="needs two GPUs and NCCL")


@pytest.mark.parametrize(("kind", "n"), [("cpu", 3), pytest.param("cuda", 2, marks=on_gpus)])
def test_distributed_data_parallel_gives_every_process_the_gradients_of_one(folder, kind, n):
    X, y = (t[:10] for t in fashion_mnist(train=True))
    torch.save((X, y, [10, 9, 1], str(folder)), folder / "batches.pt")
    command = [str(folder / "gradients.py"), str(folder / "batches.pt"), kind]
    torchrun(*command, processes=n, timeout=WAIT)
    for rank in range(n):
        found = torch.load(folder / f"{rank}.pt")
        assert found.pop("agree") == [True, False], "4, 4, 4 and 4, 5, 6, of which 5 is the mean"
        for batch_size, (sums, gradients) in found.items():
            batch = Shards(X, y, batch_size).batch(0)
            right = gradients_of_the_mean(X[batch], y[batch])
            for ours, theirs in zip(gradients, right, strict=True):
                torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
            assert sums[2] == batch_size


# ---- the training run --------------------------------------------------------------------------


def test_two_processes_train_as_one_does(undisturbed, capsys):
    args = distributed.options([*TRAIN[2:], "--checkpoint", ""])
    history = distributed.run(args)  # in this process, alone
    _, state = undisturbed
    assert history.train_loss == pytest.approx(state["history"]["train_loss"], abs=1e-3)
    assert history.train_acc == pytest.approx(state["history"]["train_acc"], abs=0.01)
    assert history.test_acc == pytest.approx(state["history"]["test_acc"], abs=0.01)
    assert history.train_loss[1] < history.train_loss[0]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the names of threads in /proc")
def test_a_run_ends_its_threads_which_could_abort_the_end_of_python():
    distributed.run(distributed.options([*TRAIN[2:], "--epochs", "1"]))
    names = [path.read_text(encoding="utf-8") for path in Path("/proc/self/task").glob("*/comm")]
    assert names and not [name for name in names if "gloo" in name]


def test_only_the_first_process_prints(undisturbed):
    printed, _ = undisturbed
    lines = printed.splitlines()
    assert lines[0] == "processes: 2, on cpu, gloo"
    assert [line[:9] for line in lines[1:]] == ["epoch 1/2", "epoch 2/2"]


@pytest.mark.parametrize(("machines", "each"), [(1, 2), (2, 1)])
def test_a_killed_worker_is_replaced_and_nothing_is_lost(
    folder, unharmed, monkeypatch, machines, each
):
    path = folder / f"killed-{machines}.pt"
    monkeypatch.setenv("MARK", str(path.with_suffix(".mark")))
    command = [*TRAIN, "--net", "victim:net", "--checkpoint", str(path)]
    printed = torchrun(*command, machines=machines, processes=each, max_restarts=1, timeout=WAIT)
    assert printed.count("processes: 2") >= 2, "it was started again"
    assert printed.count("epoch 1/2") == 1, "and went on in the second epoch"
    assert_same_run(torch.load(path), unharmed)


def test_a_killed_worker_that_is_not_replaced_is_one_sentence(folder, monkeypatch):
    path = folder / "dead.pt"
    monkeypatch.setenv("MARK", str(folder / "dead.mark"))
    with pytest.raises(RuntimeError, match=r"^Process 1 was killed \(SIGKILL\)\.$"):
        torchrun(*TRAIN, "--net", "victim:net", "--checkpoint", str(path), timeout=60)
    assert not left_behind(path)


def test_two_machines_train_as_one_does(folder, undisturbed):
    path = folder / "machines.pt"
    torchrun(*TRAIN, "--checkpoint", str(path), machines=2, processes=1, timeout=WAIT)
    assert_same_run(torch.load(path), undisturbed[1])


# ---- what cannot be ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "other",
    [
        ["--lr", "0.5"],
        ["--optimizer", "sgd"],
        ["--num-test", "300"],
        ["--net", "tests.test_distributed:linear"],
    ],
    ids=" ".join,
)
def test_a_checkpoint_of_another_run_is_refused(folder, undisturbed, other):
    path = str(folder / "undisturbed.pt")
    args = distributed.options([*TRAIN[2:], "--checkpoint", path, *other])
    with pytest.raises(ValueError, match=r"undisturbed.pt is of a run with .*Give it another file"):
        distributed.run(args)


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def test_a_loss_without_bounds_ends_the_run_and_spares_its_checkpoint(tmp_path):
    path = tmp_path / "run.pt"
    command = [*TRAIN[2:], "--optimizer", "sgd", "--lr", "1e30", "--checkpoint", str(path)]
    with pytest.raises(ValueError, match=r"no finite number any more .*try a smaller"):
        distributed.run(distributed.options(command))
    assert not path.exists()
