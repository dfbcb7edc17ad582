"""What `make bench` measures: each row takes d2l and returns the seconds of helpers and of d2l.

Both do the same work: the same images, networks, batches, epochs and points of curves.
"""

import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shutil import copytree

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler, Subset

import helpers.d2l
from helpers.figures import notebook_shell
from tools import bench_nets, course

Pair = tuple[float, float | None]  # seconds: helpers, d2l
ON_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda", 0) if ON_GPU else torch.device("cpu")


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    if ON_GPU:
        torch.cuda.synchronize()
    return time.perf_counter() - start


def versus(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = 3) -> Pair:
    """The best of some rounds of each, taken in turn after one round that warms up."""
    ours(), theirs()
    times = [(seconds(ours), seconds(theirs)) for _ in range(rounds)]
    return min(t[0] for t in times), min(t[1] for t in times)


@dataclass(frozen=True)
class Training:
    """A row: one epoch of training with curves, and the evaluation on all test images."""

    net: Callable[[], nn.Module]
    batch_size: int
    lr: float
    resize: int | None = None
    num_train: int = 60_000
    bf16: bool = False
    fast: bool = False

    def __call__(self, d2l) -> Pair:
        n = dict(num_train=self.num_train, num_test=min(self.num_train, 10_000))
        ours = helpers.load_data_fashion_mnist(self.batch_size, self.resize, **n, device=DEVICE)
        theirs = d2l.load_data_fashion_mnist(self.batch_size, self.resize)
        theirs = [first(size, loader) for size, loader in zip(n.values(), theirs, strict=True)]

        def run_ours() -> None:
            net = self.net()
            net.apply(helpers.init_xavier)
            optimizer = torch.optim.SGD(net.parameters(), lr=self.lr)
            options = dict(device=DEVICE, bf16=self.bf16, fast=self.fast, num_epochs=1)
            helpers.train(net, *ours, loss=nn.CrossEntropyLoss(), optimizer=optimizer, **options)
            end_of_cell()

        def run_theirs() -> None:
            with redirect_stdout(io.StringIO()):
                d2l.train_ch6(self.net(), *theirs, 1, self.lr, DEVICE)
            end_of_cell()
            d2l.plt.close("all")

        return versus(run_ours, run_theirs, rounds=2)


def first(n: int, loader: DataLoader) -> DataLoader:
    """The loader, over the first `n` examples of its data set."""
    shuffle, workers = isinstance(loader.sampler, RandomSampler), loader.num_workers
    data = Subset(loader.dataset, range(n))
    return DataLoader(data, loader.batch_size, shuffle=shuffle, num_workers=workers)


def end_of_cell() -> None:
    """Show what a notebook shows when a cell has run."""
    if shell := notebook_shell():
        shell.events.trigger("post_execute")


def epoch_of_batches(d2l) -> Pair:
    """60,000 training images in batches of 256."""
    ours = helpers.load_data_fashion_mnist(256, device=DEVICE)[0]
    theirs = d2l.load_data_fashion_mnist(256)[0]
    return versus(lambda: [len(y) for _, y in ours], lambda: [len(y) for _, y in theirs])


def animator_points(d2l, points: int = 50) -> Pair:
    """Points of three curves: d2l draws each, helpers now and then and at the end of the cell."""

    def draw(lib) -> None:
        lib.use_svg_display()
        animator = lib.Animator("epoch", legend=["train loss", "train acc", "test acc"])
        for i in range(points):
            animator.add(i, (i, i / 2, i / 3))
        end_of_cell()
        lib.plt.close("all")

    return versus(lambda: draw(helpers.d2l), lambda: draw(d2l), rounds=2)


class Augmented(Dataset):
    """The book's way: each image by itself, in a worker process."""

    def __init__(self, d2l, X: Tensor, y: Tensor):
        flip, to_tensor = d2l.transforms.RandomHorizontalFlip(), d2l.transforms.ToTensor()
        self.augment = d2l.transforms.Compose([flip, to_tensor])
        self.images, self.labels = [*map(d2l.transforms.ToPILImage(), X)], y.tolist()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.augment(self.images[i]), self.labels[i]


def flip_half(X: Tensor) -> Tensor:
    chosen = torch.rand(len(X), 1, 1, 1, device=X.device) < 0.5
    return torch.where(chosen, X.flip(-1), X)


def augmented_batches(d2l) -> Pair:
    """5,000 images like CIFAR-10's with random flips."""
    X, y = torch.randint(256, (5000, 3, 32, 32), dtype=torch.uint8), torch.randint(10, (5000,))
    resident = X.to(DEVICE), y.to(DEVICE)
    ours = helpers.ResidentLoader(*resident, batch_size=256, shuffle=True, transform=flip_half)
    theirs = DataLoader(Augmented(d2l, X, y), 256, shuffle=True, num_workers=4)
    return versus(lambda: [len(y) for _, y in ours], lambda: [len(y) for _, y in theirs])


def import_time(d2l) -> Pair:
    """What the book's names cost in a new process where torch is there already."""

    def importing(statement: str) -> float:
        code = f"import torch, time; t = time.perf_counter(); {statement}"
        command = [sys.executable, "-c", code + "; print(time.perf_counter() - t)"]
        return float(subprocess.check_output(command, cwd=course.ROOT))

    statements = "from helpers import d2l", "from d2l import torch as d2l"
    times = [[importing(statement) for statement in statements] for _ in range(4)]
    return min(t[0] for t in times), min(t[1] for t in times)


def run_all(d2l) -> Pair:
    """All notebooks from beginning to end, two at once, in a copy; d2l has none to run."""
    with tempfile.TemporaryDirectory() as folder:
        for part in (course.NOTEBOOKS, course.FIGURES, course.RESULTS):
            copytree(part, Path(folder) / part.name)
        given = ["--only", "", "--profile", "quick", "--jobs", "2", "--root", folder]
        command = [sys.executable, "-m", "tools.run_all", *given]
        options = dict(cwd=course.ROOT, check=True, capture_output=True)
        return seconds(lambda: subprocess.run(command, **options)), None


def training_rows() -> dict[str, tuple[Training, float | None]]:
    """Sizes for CPUs, or those that the notes publish for a GPU."""
    lenet, big = bench_nets.lenet, dict(batch_size=128, resize=224, bf16=True)
    if not ON_GPU:
        resnet = partial(helpers.resnet18, 10, width=1 / 4)
        small = Training(resnet, 128, 0.01, resize=64, num_train=2_000)
        return {"LeNet epoch": (Training(lenet, 256, 0.05), 1.5), "ResNet-18 epoch": (small, None)}
    resnet = partial(helpers.resnet18, 10)
    return {
        "LeNet epoch": (Training(lenet, 256, 0.05), 5),
        "LeNet epoch, fast": (Training(lenet, 256, 0.05, fast=True), 15),
        "LeNet + BN epoch": (Training(partial(lenet, norm=True), 256, 0.5, fast=True), 5),
        "AlexNet epoch": (Training(bench_nets.alexnet, lr=0.01, **big), 5),
        "VGG epoch": (Training(partial(bench_nets.vgg, 16), lr=0.05, **big), 5),
        "NiN epoch": (Training(bench_nets.nin, lr=0.05, **big), 5),
        "GoogLeNet epoch": (Training(bench_nets.googlenet, 128, 0.1, resize=96), None),
        "ResNet-18 epoch": (Training(resnet, 256, 0.01, resize=224, bf16=True), 3.5),
    }


# name -> (what measures it, how many times faster than d2l it has to be)
ROWS: dict[str, tuple[Callable[..., Pair], float | None]] = {
    "epoch of batches": (epoch_of_batches, 20),
    **training_rows(),
    "augmented batches": (augmented_batches, None),
    "50 Animator points": (animator_points, 10),
    "import on top of torch": (import_time, 3),
    "run-all": (run_all, None),
}


def measure(names: list[str], target: str) -> None:
    """Measure the rows `names`, print each, and write their seconds to `target`."""
    from d2l import torch as d2l

    found = {}
    for name in names:
        row, bar = ROWS[name]
        found[name] = row(d2l)
        print(line(name, *found[name], bar), flush=True)
    Path(target).write_text(json.dumps(found), encoding="utf-8")


def line(name: str, ours: float, theirs: float | None, bar: float | None) -> str:
    """A row of the table."""
    peer = f"{'–':>11}{'–':>8}" if theirs is None else f"{theirs:9.3f} s{theirs / ours:7.1f}x"
    return f"{name:24}{ours:8.3f} s{peer}" + (f"{bar:7g}x" if bar else "")
