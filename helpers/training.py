"""The train loop: one for all chapters."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from .checkpoint import load_checkpoint, save_checkpoint
from .devices import profile
from .fast import FastStep
from .figures import notebook_shell
from .metrics import Timer, evaluate_accuracy, evaluate_loss
from .plotting import Animator
from .step import Step

POINTS_PER_EPOCH = 5  # of the training curves
ESTIMATE_FROM = 300  # seconds: a full run that will take longer says so


@dataclass
class History:
    """What `train` returns: one number per epoch in each list, means over its examples.

    A list stays empty where it has no meaning: accuracies in a regression, test without test data.
    """

    train_loss: list[float] = field(default_factory=list)
    train_acc: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_acc: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # of training, data loading included
    num_examples: int = 0  # per epoch
    device: str = "cpu"
    animator: Animator | None = field(default=None, repr=False, compare=False)

    @property
    def examples_per_second(self) -> float:
        return self.num_examples * len(self.seconds) / sum(self.seconds)

    def as_dict(self) -> dict:
        """The numbers, without the plot."""
        return {name: value for name, value in vars(self).items() if name != "animator"}

    def __str__(self) -> str:
        """The last epoch in one line."""
        names = ("train_loss", "train_acc", "test_loss", "test_acc")
        last = [(name.replace("_", " "), getattr(self, name)) for name in names]
        numbers = ", ".join(f"{name} {values[-1]:.3f}" for name, values in last if values)
        return f"{numbers}, {self.examples_per_second:,.0f} examples/s on {self.device}"


def train(
    net: Callable[[Tensor], Tensor],
    train_iter: Iterable,
    test_iter: Iterable | None = None,
    *,
    loss: Callable[[Tensor, Tensor], Tensor],
    optimizer: Optimizer | Callable[[int], None],
    num_epochs: int,
    scheduler=None,
    device: torch.device | None = None,
    bf16: bool = False,
    fast: bool = False,
    animate: bool = True,
    checkpoint: str | Path | None = None,
) -> History:
    """Train `net` for `num_epochs` and return the history.

    net: a module, or a function of X; its parameters are taken as they are.
    train_iter, test_iter: batches (X, y). With integer y the accuracy is followed too.
    loss: of `reduction` 'mean', 'sum' or 'none'; a step follows the gradient of the batch's mean.
    optimizer: a PyTorch optimizer, or a function of the batch size that updates the parameters by
        hand; it is given the gradient of the batch's *sum* and divides by the batch size itself.
    scheduler: stepped after each batch. device: moves the net; by default it stays where it is.
    bf16: on CUDA, compute in bfloat16 with the channels last. animate: draw the curves.
    fast: on CUDA, record a step once and replay it (helpers/fast.py); the numbers stay the same.
    checkpoint: a file, written after each epoch; a run that finds it goes on from there.
    Raises RuntimeError when the loss is no finite number any more, ValueError without data.
    """
    is_module = isinstance(net, nn.Module)
    if is_module and device is not None:
        net.to(device)
    if len(train_iter) == 0:
        raise ValueError("There is nothing to train on: train_iter has no batch.")
    step = Step(net, loss, optimizer, scheduler, bf16)
    if fast:
        step = FastStep(step)
    history = History()
    parts = dict(net=net, optimizer=optimizer, scheduler=scheduler)
    if checkpoint is not None and Path(checkpoint).exists():
        history = History(**load_checkpoint(Path(checkpoint), **parts)["history"])
    tested = test_iter is not None
    progress = Progress(history, num_epochs, len(train_iter), tested, animate)

    for epoch in range(len(history.train_loss), num_epochs):
        if is_module:
            net.train()
        timer, sums = Timer(), 0  # of loss, right predictions, labels, examples
        for i, (X, y) in enumerate(train_iter):
            sums = sums + step(X, y)
            progress.batch(epoch, i, sums)
        history.seconds.append(timer.stop())
        evaluate_epoch(history, sums, net, test_iter, loss)
        progress.epoch()
        if checkpoint is not None:
            save_checkpoint(Path(checkpoint), **parts, history=history.as_dict())
    return history


def evaluate_epoch(
    history: History, sums: Tensor, net: Callable, test_iter, loss: Callable
) -> None:
    """Append the means of the epoch that ended to `history`, and those on the test data."""
    total, right, labels, examples = sums.tolist()
    history.num_examples, history.device = int(examples), str(sums.device)
    history.train_loss.append(total / examples)
    if labels:
        history.train_acc.append(right / labels)
    if test_iter is not None and labels:
        history.test_acc.append(evaluate_accuracy(net, test_iter))
    elif test_iter is not None:
        history.test_loss.append(evaluate_loss(net, test_iter, loss))


class Progress:
    """What is seen of a run: curves in a notebook, a line per epoch elsewhere."""

    def __init__(self, history: History, num_epochs: int, num_batches: int, tested, animate):
        self.history, self.num_epochs, self.num_batches = history, num_epochs, num_batches
        self.tested, self.animate, self.timer = tested, animate, Timer()
        self.every = max(1, num_batches // POINTS_PER_EPOCH)

    def batch(self, epoch: int, i: int, sums: Tensor) -> None:
        """Look at the running sums of an epoch after batch `i`, some times per epoch."""
        if epoch == 0 and i + 1 == 20:
            self._estimate(self.timer.stop() / 20 * self.num_batches * self.num_epochs, sums.device)
        if (i + 1) % self.every and i + 1 < self.num_batches:
            return
        total, right, labels, examples = sums.tolist()
        if not math.isfinite(total):
            raise RuntimeError(
                f"The loss is no finite number any more in epoch {epoch + 1}, batch {i + 1}: "
                "try a smaller learning rate."
            )
        point = {"train loss": total / examples}
        if labels:
            point["train acc"] = right / labels
        self._add(epoch + (i + 1) / self.num_batches, point)

    def epoch(self) -> None:
        """Show the test result of the epoch that ended."""
        done, history = len(self.history.train_loss), self.history
        if self.tested:
            name = "test acc" if history.test_acc else "test loss"
            self._add(done, {name: (history.test_acc or history.test_loss)[-1]})
        if not notebook_shell():
            print(f"epoch {done}/{self.num_epochs}: {history}", flush=True)

    def _add(self, x: float, point: dict[str, float]) -> None:
        """Add a value to the curves that `point` names; the first point says which there are."""
        if not self.animate:
            return
        if self.history.animator is None:
            test = ["test acc" if "train acc" in point else "test loss"] if self.tested else []
            self.history.animator = Animator(xlabel="epoch", legend=[*point, *test])
            self.history.animator.fig.axes[0].locator_params(axis="x", integer=True)
        animator = self.history.animator
        animator.add(x, [point.get(name) for name in animator.legend])

    def _estimate(self, seconds: float, device: torch.device) -> None:
        if seconds > ESTIMATE_FROM and profile() == "full":  # a stored output holds no time
            print(f"{self.num_epochs} epochs will take about {seconds / 60:.0f} min on {device}.")
