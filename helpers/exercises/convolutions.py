"""Exercises of the chapters on convolution and pooling."""

import math

import torch
import torch.nn.functional as F

from .checking import case


def compose_kernels(f):
    """compose_kernels(K1, K2): two kernels -> one."""
    size = (
        "先后两个窗口合起来看多大一块？边长相加再减 1。",
        "How much do two windows see together? Add the sides and subtract 1.",
    )
    flip = (
        "K2 的每个数都带着一份平移过的 K1：看它往哪个方向平移，该不该翻转。",
        "Each number of K2 brings a shifted copy of K1: mind the direction of the shift, and "
        "whether one is to be flipped.",
    )

    def corr2d(X, K):
        return F.conv2d(X[None, None], K[None, None])[0, 0]

    def outputs(X, K1, K2):
        return corr2d(X, f(K1, K2))

    def shape(K1, K2):
        return list(f(K1, K2).shape)

    for a, b in (((2, 2), (2, 2)), ((3, 3), (1, 1)), ((1, 2), (3, 1)), ((2, 3), (4, 2))):
        X, K1, K2 = torch.randn(9, 9), torch.randn(a), torch.randn(b)
        yield case(shape, (K1, K2), [a[0] + b[0] - 1, a[1] + b[1] - 1], size)
        yield case(outputs, (X, K1, K2), corr2d(corr2d(X, K1), K2), flip)


def conv2d_by_matmul(f):
    """conv2d_by_matmul(X, K, stride, padding): as F.conv2d."""
    order = (
        "unfold 给出 (B, c_i·k_h·k_w, 窗口数)，核也要拉成 c_i·k_h·k_w 的行；输出的通道在窗口之前。",
        "unfold gives (B, c_i k_h k_w, windows), so the kernel becomes rows of c_i k_h k_w; in the "
        "output channels come before windows.",
    )
    sizes = (
        "步幅和填充要交给 unfold，输出的高和宽各用各的公式。",
        "Stride and padding are for unfold; height and width of the output have a formula each.",
    )
    for shape, kernel, stride, padding, hint in (
        ((1, 1, 3, 3), (1, 1, 2, 2), 1, 0, order),
        ((2, 3, 5, 5), (4, 3, 3, 3), 1, 0, order),
        ((2, 3, 6, 8), (4, 3, 3, 2), 1, 0, sizes),
        ((2, 3, 6, 8), (4, 3, 3, 2), 2, 0, sizes),
        ((3, 2, 7, 6), (5, 2, 3, 3), 2, 1, sizes),
    ):
        X, K = torch.randn(shape), torch.randn(kernel)
        yield case(f, (X, K, stride, padding), F.conv2d(X, K, None, stride, padding), hint)


def receptive_field(f):
    """receptive_field(layers): a list of (kernel, stride), from the input on -> a whole number."""
    plain = (
        "没有层时看到 1 个像素；步幅为 1 时，每层加上 k − 1。",
        "Without a layer one pixel is seen; with stride 1 each layer adds k − 1.",
    )
    strides = (
        "一层的 k − 1 步，每步跨过它之前各层步幅的乘积；它自己的步幅只影响后面的层。",
        "The k − 1 steps of a layer are as long as the product of the strides before it; its own "
        "stride matters to later layers only.",
    )
    stacks = [[], [(3, 1)], [(3, 1), (5, 1), (1, 1)], [(3, 2)], [(3, 2), (3, 1)], [(2, 3), (3, 2)]]
    for layers in [*stacks, [(3, 2)] * 3, [(7, 2), (3, 2), (3, 1), (1, 2), (3, 1)]]:
        n = 1  # the shortest input that gives one output is the receptive field
        for k, s in reversed(layers):
            n = (n - 1) * s + k
        yield case(f, (layers,), n, strides if any(s > 1 for _, s in layers) else plain)


def max_pool_by_reshape(f):
    """max_pool_by_reshape(X, k): (B, C, H, W) -> (B, C, H // k, W // k)."""
    axes = (
        "窗口里的行号和列号各要一个轴，紧跟在 H // k 和 W // k 之后，最大值沿这两个轴取。",
        "Rows and columns within a window need an axis each, right after H // k and after W // k, "
        "and the maximum is over these two.",
    )
    rest = ("凑不满一个窗口的行和列先切掉。", "First cut off rows and columns that fill no window.")
    for shape, k in (((1, 1, 4, 4), 2), ((2, 3, 6, 9), 3), ((2, 3, 7, 5), 2), ((1, 2, 5, 8), 4)):
        X = torch.randn(shape)
        full = shape[2] % k == shape[3] % k == 0
        yield case(f, (X, k), F.max_pool2d(X, k), axes if full else rest)


def power_mean_pool(f):
    """power_mean_pool(X, p): (B, C, H, W), not negative -> (B, C)."""
    mean = (
        "每个通道一个数：先 p 次方，再对高和宽平均，最后开 p 次方。",
        "One number for each channel: the power, then the mean over height and width, then the "
        "p-th root.",
    )
    stable = (
        "p 很大时 p 次方会上溢或下溢：先除以每个通道的最大值，最后再乘回来。",
        "With a large p the powers overflow or underflow: divide by the maximum of each channel "
        "first and multiply by it in the end.",
    )
    zero = (
        "全是 0 的通道，最大值也是 0，除不得。",
        "In a channel of zeros the maximum is 0 as well.",
    )
    for p in (1, 2, 3.5):
        X = torch.rand(2, 3, 4, 5)
        expected = [[(c.double() ** p).mean() ** (1 / p) for c in x] for x in X]
        yield case(f, (X, p), torch.tensor(expected), mean)
    for size in (0.01, 1.0, 100.0):
        X = size * torch.rand(2, 3, 4, 4)
        X[..., 0, 0] = size  # the power mean is then size * (1 / 16 + ...) ** (1 / p)
        logs = [math.log(math.fsum((v / size) ** 200 for v in c.flatten().tolist()) / 16) / 200
                for c in X.flatten(0, 1)]  # fmt: skip
        expected = torch.tensor(logs).exp().reshape(2, 3) * size
        yield case(f, (X, 200), expected, stable)
    yield case(f, (torch.zeros(1, 2, 3, 3), 2), torch.zeros(1, 2), zero)
