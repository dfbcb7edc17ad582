"""The book's train loops; all but the last are the course's one loop, `helpers.train`.

Not as in d2l, for `train_ch3`, `train_ch6` and `train_ch13`: outside a notebook each epoch prints a
line, and a loss that is no finite number ends the training with a RuntimeError.
"""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..data import ResidentLoader
from ..devices import try_all_gpus
from ..metrics import Accumulator, Timer, as_mean
from ..recipes import init_xavier
from ..step import Step
from ..training import History, Progress, train
from .measures import accuracy, evaluate_accuracy_gpu, move


def train_epoch_ch3(
    net: Callable, train_iter: Iterable, loss: Callable, updater: Optimizer | Callable[[int], None]
) -> tuple[float, float]:
    """Train for one epoch: (mean loss, share of right predictions).

    Not as in d2l: for every reduction of the loss its mean is right, and a step follows the
    gradient of the batch's mean, by hand that of its sum; the share is 0 where y holds no classes.
    Raises ValueError when there is no batch.
    """
    if isinstance(net, nn.Module):
        net.train()
    step, sums = Step(net, loss, updater), 0
    for X, y in train_iter:
        sums = sums + step(X, y)
    if not isinstance(sums, Tensor):
        raise ValueError("There is nothing to train on: train_iter has no batch.")
    total, right, labels, examples = sums.tolist()
    return total / examples, right / max(labels, 1)


def train_ch3(
    net: Callable,
    train_iter: Iterable,
    test_iter: Iterable,
    loss: Callable,
    num_epochs: int,
    updater: Optimizer | Callable[[int], None],
) -> None:
    """Train and draw the curves.

    Each step as in `train_epoch_ch3`. Not as in d2l: a high loss is no AssertionError, the y axis
    fits what is drawn, and the curves have points within each epoch, for which `train_iter` needs a
    length.
    """
    train(net, train_iter, test_iter, loss=loss, optimizer=updater, num_epochs=num_epochs)


def train_ch6(
    net: nn.Module,
    train_iter: Iterable,
    test_iter: Iterable,
    num_epochs: int,
    lr: float,
    device: torch.device,
) -> None:
    """Give `net` *new weights* by Xavier's rule, then train it with SGD on `device`.

    As in d2l the rule passes over layers that have seen no data yet, such as LazyLinear.
    Not as in d2l: fewer than five batches are enough, and examples/sec counts data loading too.
    """
    net.apply(init_xavier)
    print("training on", device)
    train_iter, test_iter = resident(train_iter, device), resident(test_iter, device)
    optimizer, loss = torch.optim.SGD(net.parameters(), lr=lr), nn.CrossEntropyLoss()
    options = dict(loss=loss, optimizer=optimizer, num_epochs=num_epochs, device=device)
    report(train(net, train_iter, test_iter, **options), device)


def train_batch_ch13(
    net: nn.Module,
    X: Tensor | list[Tensor],
    y: Tensor,
    loss: Callable,
    trainer: Optimizer,
    devices: Sequence[torch.device],
) -> tuple[Tensor, float]:
    """Train on one batch: (sum of the loss, number of right predictions).

    The step follows the gradient of `loss(...).sum()`: a loss of reduction 'none' makes it that of
    the batch's sum, to which the book's learning rates are fitted.
    Not as in d2l: the sum returned is right for every reduction, and without a graph.
    """
    X, y = move(X, devices[0]), y.to(devices[0])
    net.train()
    trainer.zero_grad()
    y_hat = net(X)
    l = loss(y_hat, y)
    l.sum().backward()
    trainer.step()
    with torch.no_grad():
        total = l.sum() if l.ndim else as_mean(loss)(y_hat, y) * len(y)
    return total, accuracy(y_hat, y)


def train_ch13(
    net: nn.Module,
    train_iter: Iterable,
    test_iter: Iterable,
    loss: Callable,
    trainer: Optimizer,
    num_epochs: int,
    devices: Sequence[torch.device] | None = None,
) -> None:
    """Train on `devices`, by default all GPUs there are; each batch as by `train_batch_ch13`.

    Not as in d2l: the devices are looked for when it is called, not when it is imported; for a
    single one there is no DataParallel; fewer than five batches are enough; the y axis fits what is
    drawn; examples/sec counts data loading too.
    """
    devices = devices or try_all_gpus()
    net = net.to(devices[0])
    if len(devices) > 1:
        net = nn.DataParallel(net, device_ids=devices)
    train_iter, test_iter = resident(train_iter, devices[0]), resident(test_iter, devices[0])
    history = History(device=str(devices[0]))
    progress = Progress(history, num_epochs, len(train_iter), tested=True, animate=True)
    for epoch in range(num_epochs):
        timer, metric = Timer(), Accumulator(4)  # of loss, right predictions, labels, examples
        for i, (X, y) in enumerate(train_iter):
            l, right = train_batch_ch13(net, X, y, loss, trainer, devices)
            metric.add(l, right, y.numel(), len(y))
            progress.batch(epoch, i, torch.tensor(metric.data))
        history.seconds.append(timer.stop())
        history.train_loss.append(metric[0] / metric[3])
        history.train_acc.append(metric[1] / metric[2])
        history.test_acc.append(evaluate_accuracy_gpu(net, test_iter, devices[0]))
        history.num_examples = int(metric[3])
        progress.epoch()
    report(history, list(devices))


def resident(data_iter: Iterable, device: torch.device) -> Iterable:
    """A loader of ours with its tensors on `device`, any other as it is."""
    if not isinstance(data_iter, ResidentLoader):
        return data_iter
    tensors = (t.to(device) for t in data_iter.tensors)
    options = {name: getattr(data_iter, name) for name in ("batch_size", "shuffle", "transform")}
    return ResidentLoader(*tensors, **options)


def report(history: History, where: torch.device | list[torch.device]) -> None:
    """The two lines at the end of a training in the book."""
    losses, accs, tests = history.train_loss, history.train_acc, history.test_acc
    print(f"loss {losses[-1]:.3f}, train acc {accs[-1]:.3f}, test acc {tests[-1]:.3f}")
    print(f"{history.examples_per_second:.1f} examples/sec on {where}")
