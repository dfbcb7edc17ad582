"""Wrong answers to the exercises in `helpers.exercises.blocks`."""

import torch
import torch.nn.functional as F


def centre(layers, i, pad=1, strides=True, own=False):
    at, step = 0, 1
    for k, s, p in layers:
        at += ((k - 1) / 2 - pad * p) * (step * s if own else step)
        step *= s if strides else 1
    return at + i * step


def padded(K1, K3, K5, pad, dim=0):
    return torch.cat([F.pad(K, pad(K.shape[-1])) for K in (K1, K3, K5)], dim=dim)


def svd_parts(K, top=True):
    U, S, Vh = torch.linalg.svd(K)
    return (S[0] if top else 1) * U[:, :1], Vh[:1]


def means(K):
    return K.mean(dim=1, keepdim=True), K.mean(dim=0, keepdim=True) / K.mean()


def paths(J, left=True, old=True):
    L, d, _ = J.shape
    out = torch.zeros(L + 1, d, d)
    out[0] = torch.eye(d)
    for j in J:
        for k in range(L, 0, -1) if old else range(1, L + 1):
            out[k] = out[k] + (j @ out[k - 1] if left else out[k - 1] @ j)
    return out


def bottleneck(c_in, inner, norms=2, bias=0, shortcut=False):
    convs = inner * (c_in + bias) + inner * (9 * inner + bias) + 4 * inner * (inner + bias)
    return convs + norms * 6 * inner + shortcut * (4 * inner * c_in + 8 * inner)


WRONG = {
    "conv1x1": [
        (
            "squeeze",
            lambda X, weight, bias: F.linear(X.movedim(1, -1), weight.squeeze(), bias).movedim(
                -1, 1
            ),
            "where c_o",
        ),
        (
            "not moved",
            lambda X, weight, bias: F.linear(X, weight[:, :, 0, 0], bias),
            "move the channels",
        ),
        (
            "reshaped",
            lambda X, weight, bias: F.linear(
                X.reshape(len(X), -1, X.shape[1]), weight[:, :, 0, 0], bias
            ).reshape(len(X), -1, *X.shape[2:]),
            "not to reshape",
        ),
        (
            "not back",
            lambda X, weight, bias: F.linear(X.movedim(1, -1), weight[:, :, 0, 0], bias),
            "back again",
        ),
    ],
    "centre_pixel": [
        ("starts", lambda layers, i: centre([(1, s, p) for k, s, p in layers], i), "(k − 1) / 2"),
        ("no padding", lambda layers, i: centre(layers, i, pad=0), "Padding"),
        ("both sides", lambda layers, i: centre(layers, i, pad=2), "one side"),
        ("no strides", lambda layers, i: centre(layers, i, strides=False), "product"),
        ("own stride", lambda layers, i: centre(layers, i, own=True), "strides before"),
    ],
    "one_kernel": [
        ("in a corner", lambda *K: padded(*K, lambda k: (0, 5 - k, 0, 5 - k)), "all around"),
        (
            "repeated",
            lambda *K: torch.cat([F.interpolate(k, size=(5, 5)) for k in K]),
            "centre of the 5×5",
        ),
        ("added", lambda *K: sum(F.pad(k[:1], [2 - k.shape[-1] // 2] * 4) for k in K), "axis 0"),
        (
            "input channels",
            lambda *K: torch.cat([F.pad(k[:1], [2 - k.shape[-1] // 2] * 4) for k in K], dim=1),
            "put together",
        ),
    ],
    "split_kernel": [
        ("vectors", lambda K: [part.flatten() for part in svd_parts(K)], "column"),
        ("without its size", lambda K: svd_parts(K, top=False), "singular value"),
        (
            "V for its transpose",
            lambda K: (svd_parts(K)[0], torch.linalg.svd(K)[2][:, :1].T),
            "come back",
        ),
        ("means", means, "nearest"),
    ],
    "preactivation": [
        (
            "ReLU after the sum",
            lambda X, bn1, conv1, bn2, conv2: F.relu(X + conv2(F.relu(bn2(conv1(F.relu(bn1(X))))))),
            "after the sum",
        ),
        (
            "late shortcut",
            lambda X, bn1, conv1, bn2, conv2: (Z := F.relu(bn1(X))) + conv2(F.relu(bn2(conv1(Z)))),
            "shortcut start",
        ),
        (
            "convolution first",
            lambda X, bn1, conv1, bn2, conv2: X + conv2(F.relu(bn2(F.relu(bn1(conv1(X)))))),
            "BN, ReLU, convolution",
        ),
        (
            "one ReLU",
            lambda X, bn1, conv1, bn2, conv2: X + conv2(bn2(conv1(F.relu(bn1(X))))),
            "once more",
        ),
    ],
    "by_path_length": [
        ("no shortcuts", lambda J: paths(J)[1:], "shortcuts only"),
        ("again and again", lambda J: paths(J, old=False), "at most once"),
        ("from the right", lambda J: paths(J, left=False), "from the left"),
    ],
    "bottleneck_parameters": [
        ("no norms", lambda c, inner, stride: bottleneck(c, inner, norms=0), "two parameters"),
        ("biases", lambda c, inner, stride: bottleneck(c, inner, bias=1), "without biases"),
        ("never", lambda c, inner, stride: bottleneck(c, inner), "a 1×1 convolution and"),
        (
            "by the channels",
            lambda c, inner, stride: bottleneck(c, inner, shortcut=c != 4 * inner),
            "if neither",
        ),
        (
            "by the stride",
            lambda c, inner, stride: bottleneck(c, inner, shortcut=stride != 1),
            "channels or size",
        ),
    ],
}
