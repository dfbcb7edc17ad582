"""Exercises of the chapters on machines."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from .checking import Case, case


def mean_gradient(f):
    """mean_gradient(gradients, counts): the gradient of the mean over all examples."""
    gradients = [torch.tensor([1.0, 2.0]), torch.tensor([3.0, 6.0])]
    hint = (
        "各份一样大时，就是各份梯度的平均，不是和。",
        "With parts of equal size it is the mean of the gradients, not their sum.",
    )
    yield case(f, (gradients, [4, 4]), torch.tensor([2.0, 4.0]), hint)
    w, X, y = torch.randn(5), torch.randn(7, 5), torch.randn(7)

    def gradient(part):
        w_part = w.clone().requires_grad_()
        ((X[part] @ w_part - y[part]) ** 2).mean().backward()
        return w_part.grad

    parts = [slice(0, 4), slice(4, 6), slice(6, 7)]
    hint = (
        "大的一份分量也大：先乘以自己的样本数，还原成和，再除以全部样本数。",
        "A larger part weighs more: multiply each gradient by its number of examples, which makes "
        "it a sum again, and divide by the number of all examples.",
    )
    gradients = [gradient(part) for part in parts]
    yield case(f, (gradients, [4, 2, 1]), gradient(slice(0, 7)), hint)
    hint = (
        "nan 乘以 0 还是 nan：没有样本的那份要跳过。",
        "0 times nan is still nan: skip a part without examples.",
    )
    empty = torch.full((5,), torch.nan)
    yield case(f, ([*gradients, empty], [4, 2, 1, 0]), gradient(slice(0, 7)), hint)


def merge_moments(f):
    """merge_moments(means, variances, counts): (n, C), (n, C), (n,) -> (C,), (C,)."""

    def moments(*parts):
        counts = torch.tensor([len(part) for part in parts])
        means = torch.stack([part.mean(dim=0) for part in parts])
        variances = torch.stack([part.var(dim=0, correction=0) for part in parts])
        return means, variances, counts

    def expected(*parts):
        X = torch.cat(parts)
        return X.mean(dim=0), X.var(dim=0, correction=0)

    a, b = torch.tensor([[0.0], [2.0]]), torch.tensor([[10.0], [12.0]])
    hint = (
        "各份的均值之间也有差别，它也是方差的一部分：先求平方的均值，再减去均值的平方。",
        "The means of the parts differ too, and that is variance as well: take the mean of the "
        "squares, and subtract the square of the mean.",
    )
    yield case(f, moments(a, b), expected(a, b), hint)
    a, b = torch.randn(6, 3), torch.randn(2, 3) + 1
    hint = (
        "各份的样本数不同，要按样本数加权。",
        "The parts have different numbers of examples; weight them by these.",
    )
    yield case(f, moments(a, b), expected(a, b), hint)
    nothing = torch.full((1, 3), torch.nan)
    means, variances, _ = moments(a, b)
    with_empty = (
        torch.cat([means, nothing]),
        torch.cat([variances, nothing]),
        torch.tensor([6, 2, 0]),
    )
    hint = (
        "nan 乘以 0 还是 nan：没有样本的那份要跳过。",
        "0 times nan is still nan: skip a part without examples.",
    )
    yield case(f, with_empty, expected(a, b), hint)


def accumulated_gradients(f):
    """accumulated_gradients(net, X, y, size): gradients of the mean cross-entropy, in a list."""
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    X, y, seen = torch.randn(10, 4), torch.randint(3, (10,)), []

    def oracle(n):
        loss = F.cross_entropy(net(X[:n]), y[:n])
        return torch.cat([g.flatten() for g in torch.autograd.grad(loss, net.parameters())])

    def answer(n, size, times=1):
        mine = copy.deepcopy(net)
        mine.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
        for _ in range(times):
            found = f(mine, X[:n], y[:n], size)
        return torch.cat([g.flatten() for g in found])

    def at_most():
        answer(8, 4)
        return max(seen, default=0) <= 4

    hint = (
        "一次前向传播最多 size 个样本，否则省不下内存。",
        "At most `size` examples go through the network at once; else no memory is saved.",
    )
    yield Case("8 examples, size 4; compared: are at most 4 in at once?", True, at_most, hint)
    hint = (
        "每一段的梯度是该段平均损失的，k 段相加就大了 k 倍。",
        "Each piece gives the gradient of its own mean; the sum of k pieces is k times too large.",
    )
    yield Case("8 examples, size 4", oracle(8), lambda: answer(8, 4), hint)
    hint = (
        "最后一段可能短些：每段对损失求和，最后除以全部样本数。",
        "The last piece may be short: sum the losses of each piece, and divide by the number of "
        "all examples.",
    )
    yield Case("10 examples, size 4", oracle(10), lambda: answer(10, 4), hint)
    hint = (
        "网络里可能留着上一步的梯度：先清零。",
        "The network may still hold gradients of the step before: set them to zero first.",
    )
    yield Case("10 examples, size 5, a second time", oracle(10), lambda: answer(10, 5, 2), hint)


def backup_times(f):
    """backup_times(times, backups): (steps, n) -> (steps,), when a step need not wait for all."""
    times = torch.tensor([[1.0, 2.0, 9.0, 3.0], [4.0, 4.0, 4.0, 1.0]])
    hint = (
        "没有备份时，要等最慢的那个。",
        "Without backups a step waits for the slowest.",
    )
    yield case(f, (times, 0), torch.tensor([9.0, 4.0]), hint)
    hint = (
        "在每一步里把 n 个时间排序；有 b 个备份，第 n - b 个到达时就可以走了。",
        "Sort the n times within each step; with b backups it is over when number n - b arrives.",
    )
    yield case(f, (times, 1), torch.tensor([3.0, 4.0]), hint)
    times = torch.rand(20, 9)
    expected = torch.stack([row.topk(3).values[-1] for row in times])
    yield case(f, (times, 2), expected, hint)


def rank_indices(f):
    """rank_indices(n, rank, world, seed): the examples of a process in an epoch, a tensor."""

    def everyone(n, world, seed=0):
        return [torch.as_tensor(f(n, rank, world, seed)) for rank in range(world)]

    def seen(n, world):
        return torch.cat(everyone(n, world)).sort().values

    def spread(n, world):
        sizes = [len(part) for part in everyone(n, world)]
        return max(sizes) - min(sizes)

    def ordered():
        parts = everyone(100, 2)
        return any(torch.equal(part, part.sort().values) for part in parts)

    hint = (
        "所有进程要从同一个随机次序里取：用 seed 造一个 torch.Generator，每个进程都一样。",
        "All processes must draw from one random order: make a torch.Generator from the seed, the "
        "same in each of them.",
    )
    yield Case("n=12, world=3, together", torch.arange(12), lambda: seen(12, 3), hint)
    hint = (
        "除不尽时不要补齐，也不要丢掉：有的进程多一个。",
        "Where it does not divide evenly, neither fill up nor drop: some processes have one more.",
    )
    yield Case("n=10, world=4, together", torch.arange(10), lambda: seen(10, 4), hint)
    hint = (
        "各进程的样本数最多差 1。",
        "The numbers of examples differ by 1 at most.",
    )
    yield Case("n=10, world=4, largest - smallest", 1, lambda: spread(10, 4), hint)
    hint = ("次序要打乱。", "The order must be shuffled.")
    yield Case("n=100, world=2, still in order", False, ordered, hint)
    hint = (
        "换一个种子就要换一个次序，否则每个周期都一样。",
        "Another seed must give another order, else all epochs are the same.",
    )
    same = lambda: torch.equal(everyone(100, 2)[0], everyone(100, 2, seed=1)[0])  # noqa: E731
    yield Case("n=100, seeds 0 and 1, the same order", False, same, hint)
