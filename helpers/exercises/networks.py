"""Exercises of the chapters on LeNet, AlexNet and VGG."""

import copy
from itertools import count

import torch
import torch.nn.functional as F
from torch import nn

from .checking import Case, case


def lazy_layers(f):
    """lazy_layers(net): the names of the layers whose parameters do not exist yet, as a list."""
    kinds = (
        "看参数还在不在，别看层是哪一类：惰性层不止一种，见过数据的也不再惰性。",
        "Look at the parameters, not at the class: there are several lazy layers, and one that has "
        "seen data is lazy no more.",
    )
    nested = (
        "只算一层自己的参数，容器里面的归里面的层；名字与 named_modules 的一样。",
        "Count a layer's own parameters only, those inside a container belong to the layers in it; "
        "the names are those of named_modules.",
    )
    plain = nn.Sequential(nn.LazyConv2d(2, 3), nn.Flatten(), nn.LazyLinear(4), nn.Linear(4, 2))
    nets = [("LazyConv2d, Flatten, LazyLinear, Linear", copy.deepcopy(plain), ["0", "2"], kinds)]
    plain(torch.zeros(1, 1, 5, 5))
    nets.append(("the same after a batch", plain, [], kinds))
    inner = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.LazyBatchNorm1d())
    nested_net = nn.Sequential(nn.LazyLinear(2), inner)
    nets.append(("LazyLinear, (Linear, ReLU, LazyBatchNorm1d)", nested_net, ["0", "1.2"], nested))
    for given, net, expected, hint in nets:
        own = hint is nested  # before that, the container itself may be listed
        yield Case(given, expected, lambda net=net, own=own: [n for n in f(net) if n or own], hint)


def lenet_parameters(f):
    """lenet_parameters(n, c1, c2, padding): a whole number."""
    layers = (
        "哪几层有参数，各有多少？别忘了偏置，也别忘了上一层有几个通道。",
        "Which layers have parameters, and how many each? Mind the biases, and the channels of the "
        "layer before.",
    )
    sides = (
        "边长怎么变：填充是两边的，5×5 减 4，池化减半、向下取整，两次。",
        "How does the side change? Padding is on both sides, 5×5 takes 4 away, and pooling halves "
        "and rounds down, twice.",
    )
    sizes = ((32, 6, 16, 0), (32, 12, 32, 0), (32, 3, 8, 0), (28, 6, 16, 0), (28, 6, 16, 2))
    for n, c1, c2, padding in (*sizes, (31, 5, 7, 0), (33, 4, 9, 1), (16, 2, 3, 0)):
        with torch.device("meta"):
            net = nn.Sequential(
                *(nn.Conv2d(1, c1, 5, padding=padding), nn.MaxPool2d(2)),
                *(nn.Conv2d(c1, c2, 5), nn.MaxPool2d(2), nn.Flatten()),
                *(nn.LazyLinear(120), nn.Linear(120, 84), nn.Linear(84, 10)),
            )
            net(torch.zeros(1, 1, n, n))
        expected = sum(p.numel() for p in net.parameters())
        hint = layers if n == 32 else sides
        yield case(f, (n, c1, c2, padding), expected, hint)


def shift_images(f):
    """shift_images(X, right, down): (B, C, H, W) -> the same shape."""
    border = (
        "移出去的像素不回来，移进来的是 0。",
        "Pixels that leave do not come back, and 0 comes in.",
    )
    axes = ("横着移的是最后一个轴。", "To the right is along the last axis.")
    none = ("移 0 个像素，图就不变。", "By 0 pixels, the picture stays.")
    back = ("负数是往左、往上。", "A negative number goes to the left, or up.")
    steps = [(1, 1, border), (2, 1, axes), (0, 2, none), (1, 0, none), (-2, 1, back), (0, -1, back)]
    for right, down, hint in steps:
        X = torch.rand(2, 3, 5, 5 if hint is border else 6) + 0.1
        if hint is border:
            X = X + X.mT  # right and down cannot be confused
        expected = torch.zeros_like(X)
        H, W = X.shape[2:]
        for i in range(max(0, down), min(H, H + down)):
            for j in range(max(0, right), min(W, W + right)):
                expected[:, :, i, j] = X[:, :, i - down, j - right]
        yield case(f, (X, right, down), expected, hint)


def smallest_picture(f):
    """smallest_picture(layers): a list of (kernel, stride, padding) -> a whole number."""
    back = (
        "从后往前算：最后一层要输出 1 个，至少要输入几个？步幅 s 时要 m 个输出又如何？",
        "Go from the end: for 1 output, how many inputs does the last layer need? And for m "
        "outputs with stride s?",
    )
    padding = ("填充替图片出了两边的像素。", "Padding provides pixels on both sides.")
    one = ("每一层至少要有 1 个像素进来。", "At least 1 pixel must come into every layer.")
    alexnet = [(11, 4, 1), (3, 2, 0), (5, 1, 2), (3, 2, 0), *[(3, 1, 1)] * 3, (3, 2, 0)]
    for layers, hint in (
        ([(3, 1, 0)], back),
        ([(3, 2, 0), (2, 2, 0), (5, 3, 0)], back),
        ([(7, 2, 1), (3, 2, 0)], padding),
        (alexnet, padding),
        ([(5, 1, 0), (2, 1, 1), (3, 2, 1)], one),
        ([(3, 2, 1)] * 3, one),
    ):
        for n in count(1):  # try them all
            side = n
            for k, s, p in layers:
                side = (side + 2 * p - k) // s + 1 if side > 0 else 0
            if side > 0:
                break
        yield case(f, (layers,), n, hint)


def grouped_conv2d(f):
    """grouped_conv2d(X, K, groups): as F.conv2d."""
    inputs = (
        "每组只看自己那一段相邻的输入通道。",
        "A group sees its own input channels only, which are next to each other.",
    )
    kernels = (
        "核也分组：沿第 0 轴切开，各组的输出再沿通道轴接起来。",
        "The kernels are in groups too: cut them along axis 0, and join the outputs along the axis "
        "of the channels.",
    )
    for c_i, c_o, groups, hint in ((4, 2, 2, inputs), (6, 4, 2, kernels), (6, 6, 6, kernels)):
        X, K = torch.randn(2, c_i, 5, 6), torch.randn(c_o, c_i // groups, 3, 3)
        if hint is inputs:
            K = K[:1].expand_as(K).clone()  # the groups have the same kernel
        yield case(f, (X, K, groups), F.conv2d(X, K, groups=groups), hint)


def unit_outputs(f):
    """unit_outputs(net, X): the net, with the outputs of its layers at standard deviation 1."""
    divide = (
        "权重除以输出的标准差（不是方差），输出的标准差就是 1；记得返回网络。",
        "Divide the weights by the standard deviation of the output, not by the variance, and that "
        "becomes 1. Return the network.",
    )
    chain = (
        "前一层改好了，才知道后一层收到什么：边走边改。",
        "Only when a layer is done is it known what the next one receives: change as you go.",
    )
    kinds = ("卷积层和全连接层都要。", "Both convolutions and dense layers.")

    def spreads(net, X):
        found = []
        for layer in f(copy.deepcopy(net), X.clone()):
            X = layer(X)
            if isinstance(layer, nn.Conv2d | nn.Linear):
                found.append(X.std().item())
        return found

    dense = [nn.Linear(9, 50), nn.ReLU(), nn.Linear(50, 40), nn.ReLU(), nn.Linear(40, 20)]
    convs = [nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(72, 30)]
    for layers, shape, hint in (
        (dense[:1], (40, 9), divide),
        (dense, (40, 9), chain),
        (convs, (20, 1, 8, 8), kinds),
    ):
        net, X = nn.Sequential(*layers), torch.rand(shape)
        ones = [1.0 for p in net.parameters() if p.ndim > 1]
        for p in net.parameters():
            if p.ndim == 1:
                nn.init.zeros_(p)
        given = ", ".join(type(layer).__name__ for layer in net) + f"; X of shape {shape}"
        yield Case(given, ones, lambda net=net, X=X: spreads(net, X), hint, tolerance=0.01)


def adaptive_avg_pool(f):
    """adaptive_avg_pool(X, m): (B, C, H, W) -> (B, C, m, m)."""
    mean = (
        "每个窗口取平均，高和宽各按各的边长来分。",
        "Take the mean of each window; height and width are divided by their own sizes.",
    )
    windows = (
        "窗口从 ⌊i·n/m⌋ 起，到 ⌈(i+1)·n/m⌉ 之前：可以重叠，也不一样大。",
        "A window is from ⌊i·n/m⌋ to before ⌈(i+1)·n/m⌉: they may overlap and differ in size.",
    )
    for (H, W), m, hint in (
        ((4, 4), 2, mean),
        ((6, 9), 3, mean),
        ((5, 7), 1, mean),
        ((7, 8), 3, windows),
        ((5, 10), 4, windows),
        ((2, 3), 5, windows),
    ):
        X = torch.randn(2, 3, H, W)
        yield case(f, (X, m), F.adaptive_avg_pool2d(X, m), hint)
