"""Exercises of the chapter on batch normalization."""

import torch
import torch.nn.functional as F
from torch import nn

from .checking import Case, case


def fold_batch_norm(f):
    """fold_batch_norm(conv, bn): a convolution that does the work of both."""
    scale = (
        "归一化给每个输出通道乘一个数：它在核的第 0 轴上。分母是标准差，不是方差。",
        "Normalizing multiplies each output channel by a number: it belongs on axis 0 of the "
        "kernel. The divisor is the standard deviation, not the variance.",
    )
    shift = (
        "卷积原来的偏置也经过归一化：减去移动均值，乘上比例，最后才加 β。",
        "The bias of the convolution is normalized as well: minus the running mean, times the "
        "scale, and only then plus β.",
    )
    epsilon = ("ε 在根号里，用这一层自己的。", "ε is under the root; take that of this very layer.")
    settings = (
        "步幅、填充和分组都从原来的卷积抄过来。",
        "Stride, padding and groups are copied from the original convolution.",
    )
    none = ("没有偏置的卷积，偏置当作 0。", "If the convolution has no bias, it counts as 0.")
    one = (
        "要返回一个新的 nn.Conv2d：归一化并进去，原来的两层不动。",
        "Return one new nn.Conv2d, with the normalization merged into it; both layers stay as they "
        "were.",
    )

    def merged():
        conv, bn = nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6).eval()
        bn.running_var.fill_(4.0)
        before = conv.weight.detach().clone()
        new = f(conv, bn)
        kept = "unchanged" if conv.weight.equal(before) else "changed"
        return f"a {type(new).__name__}; the kernel of conv is {kept}"

    def outputs(conv, bn, X):
        return f(conv, bn)(X)

    for options, eps, hint in (
        ({}, 1e-5, scale),
        ({}, 1e-5, shift),
        ({}, 0.5, epsilon),
        ({"stride": 2, "padding": 1, "groups": 2}, 1e-5, settings),
        ({"bias": False}, 1e-5, none),
    ):
        conv, bn = nn.Conv2d(4, 6, 3, **options), nn.BatchNorm2d(6, eps).eval()
        nn.init.uniform_(bn.weight, 0.5, 2)
        bn.running_var.uniform_(0.2, 4)
        if hint is scale:
            nn.init.zeros_(conv.bias)
        else:
            nn.init.normal_(bn.bias)
            bn.running_mean.normal_()
        X = torch.randn(2, 4, 7, 8)
        yield case(outputs, (conv, bn, X), bn(conv(X)), hint)
    expected = "a Conv2d; the kernel of conv is unchanged"
    yield Case("Conv2d(4, 6), BatchNorm2d(6); compared: what is returned", expected, merged, one)


def batch_norm_backward(f):
    """batch_norm_backward(G, X, gamma, eps): (B, C), (B, C), (C,) -> gradient for X, (B, C)."""
    scale = (
        "γ 除以标准差：方差除以 B，ε 在根号里。",
        "γ divided by the standard deviation: the variance is over B, and ε is under the root.",
    )
    mean = (
        "均值也是 X 的函数：给一个特征的所有样本加同一个数，输出不变，所以这一列梯度的和是 0。",
        "The mean is a function of X too: add the same number to a feature of all examples and the "
        "output stays, so the gradients of a column sum to 0.",
    )
    variance = (
        "方差也是 X 的函数：把一个特征围绕均值拉伸，输出不变，所以沿 X_hat 的方向没有梯度。",
        "The variance is a function of X too: stretch a feature about its mean and the output "
        "stays, so there is no gradient along X_hat.",
    )
    for (B, C), kind, eps, hint in (
        ((6, 3), "neither", 1e-5, scale),
        ((5, 2), "constant", 1e-5, mean),
        ((5, 4), "random", 1e-5, variance),
        ((4, 3), "random", 0.5, variance),
    ):
        X, G, gamma = 2 * torch.randn(B, C) + 1, torch.randn(B, C), torch.rand(C) + 0.5
        X_hat = F.batch_norm(X, None, None, training=True)
        if kind == "neither":  # no part that the mean or the variance would take away
            G = G - G.mean(0)
            G = G - X_hat * (G * X_hat).sum(0) / (X_hat * X_hat).sum(0)
        elif kind == "constant":
            G = torch.ones(B, 1) * torch.randn(C)
        Z = X.clone().requires_grad_()
        Y = F.batch_norm(Z, None, None, gamma, training=True, eps=eps)
        yield case(f, (G, X, gamma, eps), torch.autograd.grad(Y, Z, G)[0], hint)


def group_norm(f):
    """group_norm(X, groups, eps): (B, C, ...) -> the same shape."""
    example = (
        "每个样本只用自己的数：均值不跨第 0 轴，方差除以个数（不减 1）。",
        "Each example uses its own numbers only: no mean over axis 0, and the variance is over "
        "their number, not one less.",
    )
    pixels = (
        "组里的所有通道、所有像素一起算。",
        "All channels and all pixels of a group count together.",
    )
    groups = (
        "一组是相邻的 C // groups 个通道，各组各算各的。",
        "A group is C // groups channels in a row, and each has statistics of its own.",
    )
    for shape, n, eps, hint in (
        ((3, 8), 1, 1e-5, example),
        ((1, 5), 1, 0.1, example),
        ((2, 6, 3, 5), 1, 1e-5, pixels),
        ((2, 6, 3, 5), 3, 1e-5, groups),
        ((2, 6, 4, 4), 6, 1e-5, groups),
    ):
        X = torch.randn(shape) * torch.arange(1.0, shape[1] + 1).reshape(-1, *[1] * len(shape[2:]))
        yield case(f, (X, n, eps), F.group_norm(X, n, eps=eps), hint)
