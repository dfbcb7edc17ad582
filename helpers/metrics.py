"""Counting, timing and evaluating."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Accumulator:
    """Sums over `n` variables: `metric.add(loss, correct, count)`, then `metric[0]`."""

    def __init__(self, n: int):
        self.data = [0.0] * n

    def add(self, *values: float | Tensor) -> None:
        """Add one value to each sum. Raises ValueError unless there are exactly `n` of them."""
        if len(values) != len(self.data):
            raise ValueError(
                f"This Accumulator sums {len(self.data)} values; add() got {len(values)}."
            )
        values = (v.detach() if isinstance(v, Tensor) else v for v in values)
        self.data = [total + float(v) for total, v in zip(self.data, values, strict=True)]

    def reset(self) -> None:
        self.data = [0.0] * len(self.data)

    def __getitem__(self, index: int) -> float:
        return self.data[index]

    def __len__(self) -> int:
        return len(self.data)


class Timer:
    """A stopwatch that remembers each lap, in seconds.

    On an accelerator, work that was queued before `start` or `stop` is waited for, so that a lap
    holds the time of what it encloses and of nothing else.
    """

    def __init__(self):
        self.times: list[float] = []
        self.start()

    def start(self) -> None:
        self._start = self._now()

    def stop(self) -> float:
        """End the lap and return its length."""
        self.times.append(self._now() - self._start)
        return self.times[-1]

    def avg(self) -> float:
        return self.sum() / len(self.times)

    def sum(self) -> float:
        return sum(self.times)

    def cumsum(self) -> list[float]:
        return torch.tensor(self.times).cumsum(0).tolist()

    @staticmethod
    def _now() -> float:
        if torch.accelerator.is_available():
            torch.accelerator.synchronize()
        return time.perf_counter()


def num_correct(y_hat: Tensor, y: Tensor) -> Tensor:
    """How many predictions are right, as a tensor that stays on its device.

    y_hat: scores (n, classes, ...) or predicted classes, shaped like y; y: classes (n, ...).
    """
    predicted = y_hat.argmax(dim=1) if y_hat.ndim > y.ndim else y_hat
    return (predicted.to(y.dtype) == y).sum()


def accuracy(y_hat: Tensor, y: Tensor) -> float:
    """The share of right predictions, from 0 to 1; shapes as for `num_correct`."""
    return float(num_correct(y_hat, y)) / y.numel()


@contextmanager
def evaluating(net: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Evaluation mode without gradients; every submodule gets its own mode back at the end."""
    modules = list(net.modules()) if isinstance(net, nn.Module) else []
    modes = [module.training for module in modules]
    if modules:
        net.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode


def device_of(net: Callable) -> torch.device | None:
    """The device of the parameters of `net`; None for a function or a net without parameters."""
    parameter = next(net.parameters(), None) if isinstance(net, nn.Module) else None
    return None if parameter is None else parameter.device


def evaluate_accuracy(net: Callable[[Tensor], Tensor], data_iter: Iterable) -> float:
    """The share of right predictions over all batches `(X, y)` of `data_iter`.

    Leaves the net in the mode in which it was. Raises ValueError when there is no batch.
    """
    device, right, count = device_of(net), 0, 0
    with evaluating(net):
        for X, y in data_iter:
            X, y = X.to(device), y.to(device)
            right, count = right + num_correct(net(X), y), count + y.numel()
    if not count:
        raise ValueError("There is nothing to evaluate on: data_iter gave no batch.")
    return float(right) / count


def predict(net: Callable[[Tensor], Tensor], data_iter: Iterable) -> Tensor:
    """The outputs of `net` for all batches `(X, y)` of `data_iter`, in their order, on the CPU.

    Leaves the net in the mode in which it was.
    """
    device = device_of(net)
    with evaluating(net):
        return torch.cat([net(X.to(device)).float().cpu() for X, _ in data_iter])


def evaluate_loss(net: Callable, data_iter: Iterable, loss: Callable) -> float:
    """The mean of `loss` over all examples of `data_iter`, whatever the reduction of `loss`.

    Leaves the net in the mode in which it was. Raises ValueError when there is no batch.
    """
    device, mean_loss, total, count = device_of(net), as_mean(loss), 0, 0
    with evaluating(net):
        for X, y in data_iter:
            X, y = X.to(device), y.to(device)
            total, count = total + mean_loss(net(X), y) * len(y), count + len(y)
    if not count:
        raise ValueError("There is nothing to evaluate on: data_iter gave no batch.")
    return float(total) / count


def as_mean(loss: Callable[[Tensor, Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """`loss` as a function whose value is the batch's mean, for reduction 'mean', 'sum' and 'none'.

    One number per example is averaged. A single number is taken for a sum if it doubles when the
    batch is shown twice: asking the loss itself also works where it has no `reduction` to read.
    """
    is_sum = None  # known after the first batch with a loss other than 0

    def mean_loss(y_hat: Tensor, y: Tensor) -> Tensor:
        nonlocal is_sum
        l = loss(y_hat, y)
        if l.ndim > 0:
            return l.mean()
        if is_sum is None and l != 0:
            with torch.no_grad():
                twice = loss(torch.cat([y_hat, y_hat]), torch.cat([y, y]))
            is_sum = torch.isclose(twice, 2 * l, rtol=1e-3).item()
        return l / (y_hat.numel() if y_hat.shape == y.shape else y.numel()) if is_sum else l

    return mean_loss
