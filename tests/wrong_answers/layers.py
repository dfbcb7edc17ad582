"""Wrong answers to the exercises in `helpers.exercises.layers`."""

import copy
import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import nn


def parallel(join, hold=nn.ModuleList):
    """A block of two branches, whose outputs are joined by `join`."""

    class Branches(nn.Module):
        def __init__(self, a, b):
            super().__init__()
            self.branches = hold([a, b])

        def forward(self, X):
            return join(X, *self.branches)

    return Branches


def quadratic(form, make=lambda n, m: nn.Parameter(torch.randn(n, n, m))):
    """A layer whose output is form(X, W)."""

    class Layer(nn.Module):
        def __init__(self, n, m):
            super().__init__()
            self.W = make(n, m)

        def forward(self, X):
            return form(X, self.W)

    return Layer


def pairs(X, W):
    return torch.einsum("bi,ijk,bj->bk", X, W, X)


WRONG = {
    "variance_factors": [
        (
            "exchanged",
            lambda widths, gamma: (
                math.prod(n * gamma(m, n) for m, n in pairwise(widths)),
                math.prod(m * gamma(m, n) for m, n in pairwise(widths)),
            ),
            "forward",
        ),
        (
            "standard deviations",
            lambda widths, gamma: (
                math.prod(m * gamma(m, n) ** 2 for m, n in pairwise(widths)),
                math.prod(n * gamma(m, n) ** 2 for m, n in pairwise(widths)),
            ),
            "variance already",
        ),
        (
            "first layer only",
            lambda widths, gamma: (
                widths[0] * gamma(*widths[:2]),
                widths[1] * gamma(*widths[:2]),
            ),
            "multiply",
        ),
        (
            "mean",
            lambda widths, gamma: (
                sum(m * gamma(m, n) for m, n in pairwise(widths)) / (len(widths) - 1),
                sum(n * gamma(m, n) for m, n in pairwise(widths)) / (len(widths) - 1),
            ),
            "multiply",
        ),
    ],
    "leaky_kaiming_std": [
        ("variance", lambda n, a: 2 / ((1 + a**2) * n), "its root"),
        ("ReLU's", lambda n, a: (2 / n) ** 0.5, "not lost"),
        ("no square", lambda n, a: (2 / ((1 + a) * n)) ** 0.5, "squares"),
        ("minus", lambda n, a: (2 / ((1 - a**2) * n)) ** 0.5 if a < 1 else math.inf, "α²"),
    ],
    "Parallel": [
        ("a list", parallel(lambda X, a, b: torch.cat([a(X), b(X)], dim=-1), list), "registered"),
        ("axis 1", parallel(lambda X, a, b: torch.cat([a(X), b(X)], dim=1)), "last axis"),
        ("b first", parallel(lambda X, a, b: torch.cat([b(X), a(X)], dim=-1)), "come first"),
        ("in a row", parallel(lambda X, a, b: b(a(X))), "the same X"),
    ],
    "make_blocks": [
        ("one object", lambda make, n: nn.Sequential(*[make()] * n), "one object"),
        (
            "copies",
            lambda make, n: nn.Sequential(*map(copy.deepcopy, [make()] * n)),
            "copies, not made anew",
        ),
        ("a list", lambda make, n: [make() for _ in range(n)], "nn.Sequential"),
    ],
    "halvings": [
        ("rounded down", lambda total: max(0, math.floor(math.log2(total or 1))), "round up"),
        ("one more", lambda total: max(0, math.floor(math.log2(total or 1)) + 1), "power of two"),
        ("negative", lambda total: math.ceil(math.log2(total)), "no halving"),
    ],
    "random_orthogonal": [
        ("scaled rows", lambda n, m: F.normalize(torch.randn(n, m)), "lengths alone"),
        ("tall only", lambda n, m: torch.linalg.qr(torch.randn(n, m)).Q, "transpose"),
        ("square", lambda n, m: torch.linalg.qr(torch.randn(n, n)).Q, "transpose"),
        ("identity", lambda n, m: torch.eye(n, m), "new random"),
    ],
    "Quadratic": [
        ("squares", quadratic(lambda X, W: X**2 @ W.diagonal().mT), "i ≠ j"),
        ("half", quadratic(lambda X, W: pairs(X, W.mT.triu().mT)), "i ≠ j"),
        (".data", quadratic(lambda X, W: pairs(X, W.data)), "cut the graph"),
        ("no parameter", quadratic(pairs, lambda n, m: torch.randn(n, n, m)), "registered"),
        (
            "two indices",
            quadratic(lambda X, W: X @ W, lambda n, m: nn.Parameter(torch.randn(n, m))),
            "three indices",
        ),
    ],
}
