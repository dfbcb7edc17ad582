"""Wrong answers to the exercises in `helpers.exercises.networks`."""

import torch
import torch.nn.functional as F
from torch import nn


def names(net, wanted):
    return [name for name, module in net.named_modules() if wanted(module)]


def missing(module, recurse):
    return any(isinstance(p, nn.UninitializedParameter) for p in module.parameters(recurse))


def lenet(n, c1, c2, padding, bias=1, c_i=None, halve=lambda n: n // 2, both=2, flat=None):
    side = halve(halve(n + both * padding - 4) - 4)
    convs = c1 * (25 + bias) + c2 * (25 * (c1 if c_i is None else c_i) + bias)
    flat = c2 * side**2 if flat is None else flat
    return convs + 120 * (flat + bias) + 84 * (120 + bias) + 10 * (84 + bias)


def smallest(layers, sides=2, at_least=1, start=1):
    n = start
    for k, s, p in reversed(layers):
        n = max(at_least, (n - 1) * s + k - sides * p)
    return n


def grouped(X, K, groups, kernels=None, chunks=None, dim=1):
    parts = chunks or X.chunk(groups, dim=1)
    kernels = K.chunk(groups) if kernels is None else kernels
    return torch.cat([F.conv2d(x, k) for x, k in zip(parts, kernels, strict=True)], dim=dim)


@torch.no_grad()
def scaled(net, X, spread=torch.std, kinds=(nn.Conv2d, nn.Linear), first=True):
    """The weights divided by the spread of the outputs, before or after the change."""
    for layer in net:
        Y = layer(X)
        if isinstance(layer, kinds):
            layer.weight /= spread(Y)
        X = layer(X) if first else Y
    return net


def pool(X, m, end=lambda i, n, m: -(-(i + 1) * n // m), width=None):
    H, W = X.shape[2], width or X.shape[3]
    rows = [
        [
            X[:, :, i * H // m : end(i, H, m), j * W // m : end(j, W, m)].mean((2, 3))
            for j in range(m)
        ]
        for i in range(m)
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


WRONG = {
    "lazy_layers": [
        ("dense only", lambda net: names(net, lambda m: type(m) is nn.LazyLinear), "several"),
        ("not nn.Linear", lambda net: names(net, lambda m: type(m) is not nn.Linear), "the class"),
        (
            "containers",
            lambda net: names(net, lambda m: missing(m, recurse=True)),
            "own parameters",
        ),
        (
            "children only",
            lambda net: [name for name, m in net.named_children() if missing(m, recurse=False)],
            "named_modules",
        ),
    ],
    "lenet_parameters": [
        ("no biases", lambda *args: lenet(*args, bias=0), "biases"),
        ("one channel", lambda *args: lenet(*args, c_i=1), "layer before"),
        ("global pooling", lambda *args: lenet(*args, flat=args[2]), "how many each"),
        ("always 400", lambda *args: lenet(*args, flat=25 * args[2]), "rounds down"),
        ("one side", lambda *args: lenet(*args, both=1), "both sides"),
        ("rounds up", lambda *args: lenet(*args, halve=lambda n: -(-n // 2)), "rounds down"),
    ],
    "shift_images": [
        ("roll", lambda X, right, down: X.roll((down, right), (2, 3)), "come back"),
        ("axes", lambda X, right, down: F.pad(X, (down, -down, right, -right)), "last axis"),
        (
            "slices",
            lambda X, right, down: F.pad(X[:, :, :-down, :-right], (right, 0, down, 0)),
            "By 0 pixels",
        ),
        (
            "forward only",
            lambda X, right, down: F.pad(X, (max(right, 0), -right, max(down, 0), -down)),
            "negative",
        ),
    ],
    "smallest_picture": [
        ("no strides", lambda layers: 1 + sum(k - 1 - 2 * p for k, s, p in layers), "stride s"),
        ("m s", lambda layers: smallest(layers, start=2), "from the end"),
        ("receptive field", lambda layers: smallest(layers, sides=0), "both sides"),
        ("one side", lambda layers: smallest(layers, sides=1), "Padding"),
        ("nothing left", lambda layers: smallest(layers, at_least=-99), "At least 1"),
    ],
    "grouped_conv2d": [
        (
            "interleaved",
            lambda X, K, groups: grouped(
                X, K, groups, chunks=[X[:, i::groups] for i in range(groups)]
            ),
            "next to each other",
        ),
        (
            "one kernel for all",
            lambda X, K, groups: grouped(X, K, groups, [K[: len(K) // groups]] * groups),
            "cut them",
        ),
        ("joined as examples", lambda *args: grouped(*args, dim=0), "own input"),
        (
            "kernels interleaved",
            lambda X, K, groups: grouped(X, K, groups, [K[i::groups] for i in range(groups)]),
            "along axis 0",
        ),
    ],
    "unit_outputs": [
        ("variance", lambda net, X: scaled(net, X, torch.var), "not by the variance"),
        ("nothing returned", lambda net, X: (scaled(net, X), None)[1], "return missing"),
        ("all at once", lambda net, X: scaled(net, X, first=False), "as you go"),
        ("dense only", lambda net, X: scaled(net, X, kinds=nn.Linear), "Both"),
    ],
    "adaptive_avg_pool": [
        (
            "equal windows",
            lambda X, m: F.avg_pool2d(X, (X.shape[2] // m, X.shape[3] // m)),
            "overlap",
        ),
        ("rounded down", lambda X, m: pool(X, m, lambda i, n, m: (i + 1) * n // m), "⌈"),
        ("square", lambda X, m: pool(X, m, width=X.shape[2]), "their own sizes"),
        ("maximum", F.adaptive_max_pool2d, "mean"),
    ],
}
