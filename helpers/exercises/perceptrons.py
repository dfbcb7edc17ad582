"""Exercises of the chapters on the perceptron and multilayer perceptrons."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .checking import Case, case


def at_least(f):
    """at_least(k, n): w (n,) and b of a perceptron; compared by its answers to all n bits."""
    hint = (
        "权重全为 1 时，z 是 1 的个数加 b。z > 0 才算“是”：z 该在哪两个个数之间变号？",
        "With all weights 1, z is the count plus b, and only z > 0 is a yes: between which two "
        "counts should it change its sign?",
    )
    for k, n in ((2, 2), (1, 2), (2, 3), (4, 5), (1, 1)):
        bits = torch.cartesian_prod(*n * [torch.tensor([0.0, 1.0])]).reshape(-1, n)
        expected = torch.where(bits.sum(dim=1) >= k, 1, -1)
        given = f"{k}, {n}; compared: the classes of {'00, 01, 10, 11' if n == 2 else 'all bits'}"
        yield Case(given, expected, lambda k=k, n=n, bits=bits: _sign(bits, *f(k, n)), hint)


def perceptron_epoch(f):
    """perceptron_epoch(w, b, X, y, lr): the new w and b, and the number of mistakes."""

    def w_b_mistakes(*inputs):
        w, b, mistakes = f(*inputs)
        return torch.cat([w.flatten(), torch.tensor([b, mistakes])])

    epoch = w_b_mistakes

    w, b, X = torch.zeros(2), torch.tensor(0.0), torch.tensor([[1.0, 2.0]])
    hint = (
        "只有出错才更新：w 加上 ηyx，b 加上 ηy；次数也要数。",
        "Only a mistake changes anything: ηyx is added to w and ηy to b; and count the mistakes.",
    )
    for y in (-1.0, 1.0):
        expected = torch.tensor([-1.0, -2.0, 0.0, 1.0] if y < 0 else [0.0, 0.0, 1.0, 0.0])
        yield case(epoch, (w, b + 1, X, torch.tensor([y]), 1.0), expected, hint)
    hint = (
        "恰好落在边界上（yz = 0）也算错误，哪一类都一样。",
        "Lying exactly on the border, yz = 0, is a mistake too, whichever class it is.",
    )
    for y in (-1.0, 1.0):
        expected = torch.tensor([y, 2 * y, y, 1.0])
        yield case(epoch, (w, b, X, torch.tensor([y]), 1.0), expected, hint)
    hint = ("学习率乘在两个更新上，w 和 b。", "The learning rate scales both updates, w and b.")
    expected = torch.tensor([0.5, 1.0, 0.5, 1.0])
    yield case(epoch, (w, b, X, torch.ones(1), 0.5), expected, hint)
    hint = (
        "一个接一个：下一个样本要用刚更新过的参数来判断。",
        "One after another: the next example is judged by the parameters just updated.",
    )
    w, X, y = torch.randn(2), torch.randn(30, 2), torch.randn(30).sign()
    updates = torch.zeros(30)  # what each example adds: 0, or 0.1 y
    for i in range(30):
        z = w @ X[i] + b + updates @ (X @ X[i] + 1)
        updates[i] = 0.1 * y[i] * (y[i] * z <= 0)
    expected = torch.tensor([*(w + updates @ X), updates.sum(), updates.count_nonzero()])
    yield case(epoch, (w, b, X, y, 0.1), expected, hint)


def xor_layers(f):
    """xor_layers(): W1 (2, 2), b1 (2,), w2 (2,), b2; compared by what the layers answer."""
    bits = torch.cartesian_prod(*2 * [torch.tensor([0.0, 1.0])])
    xor = torch.tensor([-1.0, 1.0, 1.0, -1.0])

    def hidden():
        W1, b1, *_ = f()
        return _sign(bits, W1, b1)

    def keeps_apart():
        h = hidden()
        return not any((p == q).all() for p in h[xor > 0] for q in h[xor < 0])

    hint = (
        "W1 的每一列是第一层的一个感知机，b1 给每个一个偏置。",
        "Each column of W1 is a perceptron of the first layer, and b1 has a bias for each.",
    )
    yield Case("shape after the first layer", (4, 2), lambda: tuple(hidden().shape), hint)
    hint = (
        "第一层把两类的点送到了同一处，第二层再也分不开它们。",
        "The first layer sends points of both classes to one place; no second layer can part them.",
    )
    yield Case("the first layer keeps the classes apart", True, keeps_apart, hint)
    hint = (
        "第二层收到的是 +1 和 -1，不是 1 和 0：同一个门要换一个偏置。",
        "What the second layer sees is +1 and -1, not 1 and 0: the same gate needs another bias.",
    )
    yield Case("00, 01, 10, 11", xor, lambda: _sign(hidden(), *f()[2:]), hint)


def _sign(X, w, b):
    w, b = (torch.as_tensor(v, dtype=X.dtype) for v in (w, b))
    return torch.where(X @ w + b > 0, 1.0, -1.0)


def parity_network(f):
    """parity_network(n) -> W1, b1, W2, b2: (n, h), (h,), (h, 1), (1,)."""
    two = (
        "n = 2 就是本章开头的网络 h1 − 2·h2；输入依次是 00、01、10、11。",
        "n = 2 is the network that opens the chapter, h1 − 2 h2; the inputs are 00, 01, 10, 11.",
    )
    more = (
        "把输出看成 1 的个数的函数：0、1、0、1……每到一个整数斜率就变号，从 +1 变到 −1，再变回来。",
        "See the output as a function of the number of ones, 0, 1, 0, 1, and so on: at each whole "
        "number its slope flips, from +1 to −1 and back.",
    )
    for n in (2, 3, 1, 4, 6):
        X = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * n).reshape(-1, n)  # (2^n, n)
        yield case(outputs(f, X), (n,), X.sum(dim=1) % 2, two if n == 2 else more)


def broken_line(f):
    """broken_line(x, y): (n,), (n,) -> W1, b1, W2, b2: (1, n - 1), (n - 1,), (n - 1, 1), (1,)."""
    start = (
        "最左边的点上所有单元都是 0，只剩 b2。",
        "At the first point all units are 0, and only b2 is left.",
    )
    slope = (
        "第 k 个单元只在 x[k] 右边起作用；过了 x[0]，斜率是两点的高度差除以间距。",
        "Unit k acts to the right of x[k] only. Beyond x[0] the slope is the difference in y over "
        "the difference in x.",
    )
    change = (
        "在 x[k] 处前面的单元仍在起作用，所以第 k 个单元的权重是斜率的改变量，不是斜率。",
        "At x[k] the units before it still act, so the weight of unit k is the change of the "
        "slope and not the slope.",
    )

    def through(x, y, at, hint):
        x, y, at = (1.0 * torch.tensor(v) for v in (x, y, at))
        expected = torch.tensor(np.interp(at, x, y))
        return case(outputs(f, at[:, None]), (x, y), expected, hint)

    yield through([1, 3], [5, 5], [1, 2, 3], start)
    yield through([1, 3], [2, 6], [1, 2, 3], slope)
    yield through([0, 1, 2], [0, 1, 0], [0, 0.5, 1, 1.5, 2], change)
    for n in (4, 9, 30):
        x = (torch.arange(n) + 0.8 * torch.rand(n)).tolist()
        y = torch.randn(n).tolist()
        yield through(x, y, torch.linspace(x[0], x[-1], 50).tolist(), change)


def outputs(f: Callable, X: Tensor) -> Callable:
    """f returns the parameters W1, b1, W2, b2 of a ReLU network; this its outputs for X."""

    def network(*inputs):
        W1, b1, W2, b2 = f(*inputs)
        return (torch.relu(X @ W1 + b1) @ W2 + b2).squeeze(1)

    network.__name__ = "outputs"
    return network
