"""Exercises of the chapters on layers: initialization, blocks, parameters."""

import torch
import torch.nn.functional as F
from torch import nn

from .checking import Case, case


def variance_factors(f):
    """variance_factors(widths, gamma) -> forward, backward: numbers; gamma(n_in, n_out)."""
    one = (
        "一层的正向因子是 n_in·γ，反向因子是 n_out·γ；γ 已经是方差。",
        "A layer has the factor n_in γ forward and n_out γ backward; γ is a variance already.",
    )
    many = (
        "层数比宽度的个数少 1，各层的因子相乘。",
        "There is one layer fewer than there are widths, and the factors of the layers multiply.",
    )
    rules = {
        "1 / n_in": lambda n_in, n_out: 1 / n_in,
        "1 / n_out": lambda n_in, n_out: 1 / n_out,
        "2 / (n_in + n_out)": lambda n_in, n_out: 2 / (n_in + n_out),
    }
    for widths, rule, expected, hint in (
        ([100, 50], "1 / n_in", (1, 1 / 2), one),
        ([100, 50], "1 / n_out", (2, 1), one),
        ([64, 512, 32], "1 / n_in", (1, 1 / 2), many),
        ([64, 512, 32, 16], "1 / n_out", (4, 1), many),
        ([64, 256] * 10 + [64], "2 / (n_in + n_out)", (0.64**10, 0.64**10), many),
    ):
        given = f"widths {widths if len(widths) < 5 else '[64, 256, 64, ..., 64]'}, gamma {rule}"
        yield Case(given, expected, lambda w=widths, r=rule: f(w, rules[r]), hint)


def leaky_kaiming_std(f):
    """leaky_kaiming_std(n_in, alpha): a number."""
    relu = (
        "α = 0 就是 ReLU，γ = 2/n_in；要的是标准差，别忘了开方。",
        "α = 0 is ReLU, with γ = 2 / n_in; the standard deviation is its root.",
    )
    half = (
        "负的一半没有丢，输出是输入的 α 倍，平方是 α² 倍；两半相加，α = 1 时什么也不损失。",
        "The negative half is not lost: outputs are α times the inputs, squares α² times. Add the "
        "halves; with α = 1 nothing is lost.",
    )
    for n_in, alpha in ((128, 0), (50, 0), (128, 1), (64, 0.5), (300, 5**0.5)):
        expected = nn.init.calculate_gain("leaky_relu", alpha) / n_in**0.5
        yield case(f, (n_in, alpha), expected, half if alpha else relu)


def Parallel(cls):
    """Parallel(a, b): a module; (..., n) -> (..., outputs of a + outputs of b)."""
    registered = (
        "两个子模块都要登记成属性，否则参数、eval() 和 state_dict() 都找不到它们。",
        "Both modules have to be registered as attributes: otherwise parameters(), eval() and "
        "state_dict() do not find them.",
    )

    def books():
        net = cls(nn.Linear(3, 2), nn.Sequential(nn.Linear(3, 4), nn.Dropout())).eval()
        modes = {type(m).__name__ for m in net.modules() if m.training}
        return len(list(net.parameters())), len(net.state_dict()), len(modes)

    given = "a = Linear, b = Sequential(Linear, Dropout); parameters, state_dict(), not in eval()"
    yield Case(given, (4, 4, 0), books, registered)
    joined = (
        "两个块都吃同样的 X；a 的输出在前，b 的在后，沿最后一维连结。",
        "Both blocks get the same X; the outputs of a come first, those of b after them, along "
        "the last axis.",
    )
    for shape in ((2, 3), (1, 3), (3,), (2, 5, 3)):
        a, b, X = nn.Linear(3, 2), nn.Linear(3, 4), torch.randn(shape)
        weight, bias = torch.cat([a.weight, b.weight]), torch.cat([a.bias, b.bias])
        given = f"a = Linear(3, 2), b = Linear(3, 4), X of shape {shape}"
        yield Case(given, F.linear(X, weight, bias), lambda a=a, b=b, X=X: cls(a, b)(X), joined)


def make_blocks(f):
    """make_blocks(make, n): an nn.Sequential of n blocks, each from make()."""

    def make():
        return nn.Sequential(nn.Linear(4, 4), nn.ReLU())

    def look(n):
        net = f(make, n)
        weights = {tuple(block[0].weight.flatten().tolist()) for block in net}
        return type(net).__name__, len(net), len(list(net.parameters())), len(weights)

    shared = (
        "列表乘以 n 是同一个对象重复 n 次，参数只有一份：数一数 parameters()。",
        "A list times n repeats one object, with one set of parameters: count parameters().",
    )
    equal = (
        "各块是分开的，初值却一模一样：复制品，不是新造的。",
        "The blocks are separate, but start from equal values: they are copies, not made anew.",
    )
    one = (
        "返回一个装着 n 个块的 nn.Sequential。",
        "Return one nn.Sequential that holds the n blocks.",
    )
    given = "a block of Linear(4, 4) and ReLU, n = {}; type, length, parameters, different weights"
    yield Case(given.format(1), ("Sequential", 1, 2, 1), lambda: look(1), one)
    yield Case("n = 3; parameters", 6, lambda: look(3)[2], shared)
    yield Case(given.format(3), ("Sequential", 3, 6, 3), lambda: look(3), equal)


def halvings(f):
    """halvings(total): a whole number, of a total that is not negative."""
    small = ("已经不超过 1 的，一次也不用减半。", "What is at most 1 needs no halving at all.")
    power = (
        "恰好是 2 的幂时，减半到 1 就停：条件是不超过 1，不是小于 1。",
        "A power of two is halved down to 1 and no further: at most 1, not less than 1.",
    )
    up = ("还没有到 1 以下就得再减半一次：向上取整。", "Not there yet means one more: round up.")
    totals = [(4.0, power), (1024.0, power), (5.0, up), (1.5, up), (1.0, small), (0.3, small)]
    totals += [(0.0, small)] + [(10.0**t, up) for t in range(2, 30, 3)]
    for total, hint in totals:
        k, left = 0, total
        while left > 1:
            k, left = k + 1, left / 2
        yield case(f, (total,), k, hint)


def random_orthogonal(f):
    """random_orthogonal(n_out, n_in): (n_out, n_in), with orthonormal rows or columns."""
    square = (
        "各行长度为 1、两两正交，即 W·Wᵀ = I；只缩放长度是不够的。",
        "Rows of length 1 and orthogonal to one another, W Wᵀ = I; lengths alone are not enough.",
    )
    wide = (
        "qr 给出正交的列，个数是行数与列数中较小的；行少列多时转置了再用。",
        "qr gives orthonormal columns, as many as the smaller of the sizes; for a wide matrix use "
        "it on the transpose.",
    )
    fresh = ("每次调用要抽新的随机数。", "Each call has to draw new random numbers.")

    def shape(n_out, n_in):
        return list(f(n_out, n_in).shape)

    def product(n_out, n_in):
        W = f(n_out, n_in)
        return W @ W.T if n_out <= n_in else W.T @ W

    for sizes in ((4, 4), (6, 3), (3, 6), (1, 5), (20, 30)):
        hint = square if sizes == (4, 4) else wide
        yield case(shape, sizes, list(sizes), hint)
        yield case(product, sizes, torch.eye(min(sizes)), hint)
    yield Case("(4, 4), twice; are they equal?", False, lambda: f(4, 4).equal(f(4, 4)), fresh)


def Quadratic(cls):
    """Quadratic(n, m): a module; (B, n) -> (B, m)."""
    shape = (
        "W 有三个下标 i、j、k，作为 nn.Parameter 登记，没有别的参数。",
        "W has the three indices i, j, k and is registered as an nn.Parameter, the only one.",
    )
    pairs = (
        "对 i 和 j 都求和，i ≠ j 的项也在内，而且 W_ijk 与 W_jik 不必相等。",
        "The sum runs over i and over j, terms with i ≠ j included, and W_ijk need not be W_jik.",
    )
    gradient = (
        "梯度没有回到 W：.data 或 detach() 切断了计算图。",
        "No gradient gets back to W: .data or detach() has cut the graph.",
    )

    def outputs(X, W):
        net = cls(*W.shape[1:])
        with torch.no_grad():
            next(net.parameters()).copy_(W)
        return net(X)

    def shapes(n, m):
        return [tuple(p.shape) for p in cls(n, m).parameters()]

    yield Case(
        "Quadratic(3, 2); shapes of the parameters", [(3, 3, 2)], lambda: shapes(3, 2), shape
    )
    for B, n, m in ((1, 2, 1), (4, 3, 2), (5, 3, 3)):
        X, W = torch.randn(B, n), torch.randn(n, n, m)
        expected = torch.stack([torch.stack([x @ W[..., k] @ x for k in range(m)]) for x in X])
        yield case(outputs, (X, W), expected, pairs)
    yield Case(
        "Quadratic(3, 2); W has a gradient", True, lambda: outputs(X, W).requires_grad, gradient
    )
