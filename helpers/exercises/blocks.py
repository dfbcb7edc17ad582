"""Exercises of the chapters on NiN, GoogLeNet and ResNet."""

from itertools import combinations

import torch
import torch.nn.functional as F
from torch import nn

from .checking import case


def conv1x1(f):
    """conv1x1(X, weight, bias): (B, c_i, H, W), (c_o, c_i, 1, 1), (c_o,) -> (B, c_o, H, W)."""
    axes = (
        "F.linear 作用在最后一个轴：通道要换过去，再换回来；换轴不是 reshape。",
        "F.linear works on the last axis: move the channels there and back again; to move is not "
        "to reshape.",
    )
    weights = (
        "F.linear 要 (c_o, c_i) 的权重；只去掉最后两个轴，c_o 或 c_i 是 1 时也一样。",
        "F.linear wants weights (c_o, c_i): drop the last two axes only, also where c_o or c_i "
        "is 1.",
    )
    shapes = [((2, 4, 4, 4), 4, axes), ((2, 3, 4, 5), 6, axes)]
    for shape, c_o, hint in [*shapes, ((3, 4, 2, 2), 1, weights), ((2, 1, 3, 3), 5, weights)]:
        X, weight, bias = torch.randn(shape), torch.randn(c_o, shape[1], 1, 1), torch.randn(c_o)
        yield case(f, (X, weight, bias), F.conv2d(X, weight, bias), hint)


def centre_pixel(f):
    """centre_pixel(layers, i): a list of (kernel, stride, padding), a row -> a row of pixels."""
    window = (
        "第 0 个窗口的中心在 (k − 1) / 2，像素从 0 数起。",
        "The centre of window 0 is at (k − 1) / 2, counting pixels from 0.",
    )
    padding = (
        "填充把窗口往前挪了 p 个像素（只算一边）。",
        "Padding moves the windows p pixels towards the start (one side counts).",
    )
    steps = (
        "后面的层里走一步，等于图片上的好几步：之前各层步幅的乘积。",
        "A step in a later layer is several in the picture: the product of the strides before it.",
    )
    nin = [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 2, 0), (3, 1, 1)]
    for layers, i, hint in (
        ([(3, 1, 0)], 0, window),
        ([(4, 1, 0)], 5, window),
        ([(5, 1, 1)], 3, padding),
        ([(3, 2, 0)], 3, steps),
        ([(3, 2, 0), (5, 2, 1), (2, 3, 0)], 2, steps),
        (nin, 0, steps),
        (nin, 4, steps),
    ):
        first = last = i
        for k, s, p in reversed(layers):
            first, last = first * s - p, last * s - p + k - 1
        yield case(f, (layers, i), (first + last) / 2, hint)


def one_kernel(f):
    """one_kernel(K1, K3, K5): kernels (c, c_i, k, k), k = 1, 3, 5 -> (c1 + c3 + c5, c_i, 5, 5)."""
    size = (
        "各条路的输出通道接在一起：是第 0 轴。",
        "The output channels of the paths are put together: that is axis 0.",
    )
    centre = (
        "小核的中心要落在 5×5 的中心，四周都补 0。",
        "The centre of a small kernel must be the centre of the 5×5, with zeros all around it.",
    )

    def shape(*kernels):
        return list(f(*kernels).shape)

    def outputs(X, *kernels):
        return F.conv2d(X, f(*kernels), padding=2)

    for c_i, sizes in ((3, (2, 4, 1)), (1, (1, 1, 1)), (2, (3, 2, 5))):
        X = torch.randn(2, c_i, 6, 7)
        kernels = [torch.randn(c, c_i, k, k) for c, k in zip(sizes, (1, 3, 5), strict=True)]
        yield case(shape, kernels, [sum(sizes), c_i, 5, 5], size)
        paths = [F.conv2d(X, K, padding="same") for K in kernels]
        yield case(outputs, (X, *kernels), torch.cat(paths, dim=1), centre)


def split_kernel(f):
    """split_kernel(K): (h, w) -> (h, 1), (1, w) whose product is nearest to K."""
    shapes = ("要的是一列 (h, 1) 和一行 (1, w)。", "Wanted are a column (h, 1) and a row (1, w).")
    exact = (
        "秩为 1 的核应当原样得回来，大小也要对：最大的奇异值去了哪里？",
        "A kernel of rank 1 should come back as it was, its size included: where did the largest "
        "singular value go?",
    )
    nearest = (
        "误差还可以更小：哪一个秩为 1 的矩阵离它最近？",
        "The error can be smaller: which matrix of rank 1 is nearest to it?",
    )

    def shapes_of_both(K):
        return [list(part.shape) for part in f(K)]

    def product(K):
        column, row = f(K)
        return column @ row

    def squared_error(K):
        return (K - product(K)).square().sum().item()

    for h, w in ((7, 7), (3, 5)):
        K = torch.randn(h, w)
        yield case(shapes_of_both, (K,), [[h, 1], [1, w]], shapes)
        ones = (torch.rand(h, 1) + 0.5) @ (torch.rand(1, w) + 0.5)
        yield case(product, (ones,), ones, exact)
        squares = torch.linalg.eigvalsh(K.double() @ K.double().T)  # of the singular values
        yield case(squared_error, (K,), squares[:-1].sum().item(), nearest)


def preactivation(f):
    """preactivation(X, bn1, conv1, bn2, conv2): (B, C, H, W) -> the same shape."""
    identity = (
        "残差为 0 时，输出就是 X 本身，负数也不例外：捷径从哪里出发，相加之后还有什么？",
        "With a residual of 0 the output is X itself, negative numbers included: where does the "
        "shortcut start, and what comes after the sum?",
    )
    order = (
        "残差是 BN、ReLU、卷积，再来一遍，每一步都接着上一步的结果。",
        "The residual is BN, ReLU, convolution, and once more, each step from the one before.",
    )
    for c, hint in ((3, identity), (2, order), (4, order)):
        bn1, bn2 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)
        conv1, conv2 = (nn.Conv2d(c, c, 3, padding=1) for _ in range(2))
        for norm in (bn1, bn2):
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
        if hint is identity:
            nn.init.zeros_(conv2.weight)
            nn.init.zeros_(conv2.bias)
        X = torch.randn(2, c, 5, 6)
        whole = nn.Sequential(bn1, nn.ReLU(), conv1, bn2, nn.ReLU(), conv2)
        yield case(f, (X, bn1, conv1, bn2, conv2), X + whole(X), hint)


def by_path_length(f):
    """by_path_length(J): (L, d, d) -> (L + 1, d, d), the paths through 0, 1, ..., L residuals."""
    ends = (
        "k = 0 只走捷径，是 I；k = 1 是各个残差的和。",
        "k = 0 takes shortcuts only and is I; k = 1 is the sum of the residuals.",
    )
    once = (
        "一条路最多经过每个残差一次：由旧的值算新的值。",
        "A path goes through each residual at most once: compute new values from old ones.",
    )
    order = (
        "矩阵相乘有先后：后面的块乘在左边。",
        "Matrices have an order: the later block is multiplied from the left.",
    )
    for L, d, hint in ((1, 2, ends), (2, 1, once), (5, 1, once), (3, 2, order), (6, 3, order)):
        J = torch.randn(L, d, d)
        expected = torch.zeros(L + 1, d, d)
        for k in range(L + 1):
            for chosen in combinations(range(L), k):
                product = torch.eye(d)
                for i in chosen:
                    product = J[i] @ product
                expected[k] += product
        yield case(f, (J,), expected, hint)


def bottleneck_parameters(f):
    """bottleneck_parameters(c_in, inner, stride): as torchvision counts -> a whole number."""
    from torchvision.models.resnet import Bottleneck

    main = (
        "三个卷积 1×1、3×3、1×1，没有偏置；每个后面一个批量归一化，每个通道两个参数。",
        "There are three convolutions, 1×1, 3×3 and 1×1, without biases; after each comes a batch "
        "norm with two parameters for each channel.",
    )
    shortcut = (
        "通道或大小变了，捷径上就有一个 1×1 卷积和一个批量归一化；两者都没变才什么也没有。",
        "Where channels or size change, the shortcut has a 1×1 convolution and a batch norm; only "
        "if neither does, it has nothing.",
    )
    for c_in, inner, stride in ((256, 64, 1), (20, 5, 1), (64, 64, 1), (256, 64, 2), (36, 10, 2)):
        with torch.device("meta"):
            down = None
            if (changes := c_in != 4 * inner) or stride != 1:
                conv = nn.Conv2d(c_in, 4 * inner, 1, stride, bias=False)
                down = nn.Sequential(conv, nn.BatchNorm2d(4 * inner))
            block = Bottleneck(c_in, inner, stride, down)
        count = sum(p.numel() for p in block.parameters())
        hint = shortcut if changes or stride != 1 else main
        yield case(f, (c_in, inner, stride), count, hint)
