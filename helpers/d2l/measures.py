"""The book's measures of a network and of time, and its look at predictions."""

from collections.abc import Callable, Iterable
from math import isqrt

import torch
from torch import Tensor

from .. import metrics
from ..data import fashion_labels
from ..metrics import Timer, device_of, evaluating
from .drawing import show_images


def accuracy(y_hat: Tensor, y: Tensor) -> float:
    """The *number* of right predictions (`helpers.accuracy` is their share).

    y_hat: scores (n, classes, ...) or predicted classes. Not as in d2l: a column (n, 1) is compared
    with y (n,) example by example, not each with each.
    """
    return float(_right(y_hat, y))


def _right(y_hat: Tensor, y: Tensor) -> Tensor:
    if y_hat.numel() != y.numel():
        y_hat = y_hat.argmax(dim=1)
    return (y_hat.reshape(y.shape).type(y.dtype) == y).sum()


def evaluate_accuracy(net: Callable, data_iter: Iterable) -> float:
    """The share of right predictions on a data set. Deviates as `evaluate_accuracy_gpu` does."""
    return evaluate_accuracy_gpu(net, data_iter)


def evaluate_accuracy_gpu(
    net: Callable, data_iter: Iterable, device: torch.device | None = None
) -> float:
    """The share of right predictions on a data set, computed on `device`, by default the net's.

    Not as in d2l: the net is left in the mode in which it was, and may have no parameters.
    Raises ValueError when there is no batch.
    """
    device, right, count = device or device_of(net), 0, 0
    with evaluating(net):
        for X, y in data_iter:
            X, y = move(X, device), y.to(device)
            right, count = right + _right(net(X), y), count + y.numel()
    if not count:
        raise ValueError("There is nothing to evaluate on: data_iter gave no batch.")
    return float(right) / count


def evaluate_loss(net: Callable, data_iter: Iterable, loss: Callable) -> float:
    """The mean of `loss` over a data set.

    Not as in d2l: it is right for every reduction of `loss` and last batch, needs no memory for
    gradients, takes class labels too, and leaves the net in evaluation mode only while it runs.
    """

    def shaped(y_hat: Tensor, y: Tensor) -> Tensor:
        return loss(y_hat, y.reshape(y_hat.shape) if y.numel() == y_hat.numel() else y)

    return metrics.evaluate_loss(net, data_iter, shaped)


def predict_ch3(net: Callable, test_iter: Iterable, n: int = 6) -> None:
    """Show the first `n` test images with their labels, and what the net takes them for.

    Not as in d2l: images of any size and nets on a GPU work, and a small batch shows fewer.
    """
    X, y = next(iter(test_iter))
    with evaluating(net):
        predictions = net(X.to(device_of(net))).argmax(dim=1)
    pairs = zip(fashion_labels(y[:n]), fashion_labels(predictions[:n]), strict=True)
    side, shown = isqrt(X[0].numel()), len(y[:n])
    images = X[:n].reshape(shown, side, side)
    show_images(images, 1, shown, titles=[f"{true}\n{taken}" for true, taken in pairs])


class Benchmark:
    """`with d2l.Benchmark("ten products"): ...` prints how many seconds that took.

    Not as in d2l: work that was queued on an accelerator is waited for, before and after.
    """

    def __init__(self, description: str = "Done"):
        self.description = description

    def __enter__(self) -> "Benchmark":
        self.timer = Timer()
        return self

    def __exit__(self, *args) -> None:
        print(f"{self.description}: {self.timer.stop():.4f} sec")


def move(X: Tensor | list[Tensor], device: torch.device | None) -> Tensor | list[Tensor]:
    """A batch on `device`; some networks take a list of tensors."""
    return [x.to(device) for x in X] if isinstance(X, list) else X.to(device)
