"""Wrong answers to the exercises in `helpers.exercises.normalization`."""

import copy

import torch
from torch import nn


def folded(conv, bn, scale=None, bias=None, plain=False):
    """Convolution and batch norm in one, with another scale or bias, or without the settings."""
    if scale is None:
        scale = bn.weight / torch.sqrt(bn.running_var + bn.eps)
    new = nn.Conv2d(4, 6, 3) if plain else copy.deepcopy(conv)
    old = torch.zeros(6) if conv.bias is None else conv.bias
    bias = (old - bn.running_mean) * scale + bn.bias if bias is None else bias(old, scale)
    new.weight = nn.Parameter(conv.weight * scale.reshape(-1, 1, 1, 1))
    new.bias = nn.Parameter(bias)
    return new


def backward(G, X, gamma, eps, centred=True, correction=0):
    """The gradient without the term of the variance, and, if not centred, of the mean."""
    scale = gamma / torch.sqrt(X.var(0, correction=correction) + eps)
    return scale * (G - G.mean(0) if centred else G)


def normalized(X, dims, eps, correction=0):
    mean = X.mean(dims, keepdim=True)
    return (X - mean) / torch.sqrt(X.var(dims, keepdim=True, correction=correction) + eps)


def interleaved(X, groups, eps):
    B, C = X.shape[:2]
    parts = X.reshape(B, C // groups, groups, -1)
    return normalized(parts, (1, 3), eps).reshape(X.shape)


WRONG = {
    "fold_batch_norm": [
        ("both layers", nn.Sequential, "one new"),
        (
            "by the variance",
            lambda conv, bn: folded(conv, bn, bn.weight / (bn.running_var + bn.eps)),
            "not the variance",
        ),
        (
            "without gamma",
            lambda conv, bn: folded(conv, bn, 1 / torch.sqrt(bn.running_var + bn.eps)),
            "each output channel",
        ),
        (
            "bias not scaled",
            lambda conv, bn: folded(conv, bn, bias=lambda b, s: b - bn.running_mean * s + bn.bias),
            "times the scale",
        ),
        (
            "eps of the default",
            lambda conv, bn: folded(conv, bn, bn.weight / torch.sqrt(bn.running_var + 1e-5)),
            "under the root",
        ),
        ("new and plain", lambda conv, bn: folded(conv, bn, plain=True), "copied"),
        (
            "needs a bias",
            lambda conv, bn: folded(
                conv, bn, bias=lambda b, s: (conv.bias - bn.running_mean) * s + bn.bias
            ),
            "counts as 0",
        ),
    ],
    "batch_norm_backward": [
        ("n - 1", lambda *args: backward(*args, correction=1), "over B"),
        ("constants", lambda *args: backward(*args, centred=False), "sum to 0"),
        ("no variance", backward, "along X_hat"),
    ],
    "group_norm": [
        ("over the batch", lambda X, groups, eps: normalized(X, 0, eps), "no mean over axis 0"),
        ("n - 1", lambda X, groups, eps: normalized(X, 1, eps, correction=1), "one less"),
        ("channels only", lambda X, groups, eps: normalized(X, 1, eps), "all pixels"),
        (
            "always one group",
            lambda X, groups, eps: normalized(X, list(range(1, X.ndim)), eps),
            "of its own",
        ),
        ("interleaved", interleaved, "in a row"),
    ],
}
