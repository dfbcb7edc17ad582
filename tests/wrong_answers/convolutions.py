"""Wrong answers to the exercises in `helpers.exercises.convolutions`."""

import math

import torch.nn.functional as F


def full(K1, K2, flip):
    """Both kernels in one, with the second flipped or not."""
    h, w = K2.shape
    X = F.pad(K1, (w - 1, w - 1, h - 1, h - 1))
    return F.conv2d(X[None, None], (K2.flip(0, 1) if flip else K2)[None, None])[0, 0]


def by_matmul(X, K, stride, padding, columns=False, channels_last=False, square=False):
    """Convolution as a matrix product, with the mistakes that the arguments name."""
    (B, _, h, w), (c_o, _, k_h, k_w) = X.shape, K.shape
    patches = F.unfold(X, (k_h, k_w), stride=stride, padding=padding)
    out_h = (h + 2 * padding - k_h) // stride + 1
    out_w = out_h if square else (w + 2 * padding - k_w) // stride + 1
    weight = K.reshape(-1, c_o).T if columns else K.reshape(c_o, -1)
    Y = weight @ patches  # (B, c_o, windows)
    return (Y.mT if channels_last else Y).reshape(B, c_o, out_h, out_w)


def blocks(X, k):
    """The windows of a picture whose sides k divides: (B, C, H // k, k, W // k, k)."""
    B, C, H, W = X.shape
    return X.reshape(B, C, H // k, k, W // k, k)


def power_mean(X, p):
    return (X**p).mean(dim=(2, 3)) ** (1 / p)


WRONG = {
    "compose_kernels": [
        ("not flipped", lambda K1, K2: full(K1, K2, flip=False), "flipped"),
        ("exchanged", lambda K1, K2: full(K2.flip(0, 1), K1, flip=False), "flipped"),
        (
            "valid",
            lambda K1, K2: F.conv2d(K1[None, None], K2[None, None])[0, 0],
            "subtract 1",
        ),
        ("product", lambda K1, K2: K1 * K2, "Add the sides"),
    ],
    "conv2d_by_matmul": [
        ("columns", lambda *args: by_matmul(*args, columns=True), "rows of"),
        ("channels last", lambda *args: by_matmul(*args, channels_last=True), "come before"),
        ("no stride", lambda X, K, stride, padding: by_matmul(X, K, 1, padding), "for unfold"),
        ("no padding", lambda X, K, stride, padding: by_matmul(X, K, stride, 0), "for unfold"),
        ("square", lambda *args: by_matmul(*args, square=True), "a formula each"),
    ],
    "receptive_field": [
        ("no strides", lambda layers: 1 + sum(k - 1 for k, s in layers), "product of the strides"),
        ("own stride", lambda layers: 1 + sum((k - 1) * s for k, s in layers), "its own stride"),
        ("the sum", lambda layers: sum(k for k, s in layers), "one pixel"),
        (
            "product with its own",
            lambda layers: (
                1
                + sum(
                    (k - 1) * math.prod(s for _, s in layers[: i + 1])
                    for i, (k, _) in enumerate(layers)
                )
            ),
            "later layers only",
        ),
    ],
    "max_pool_by_reshape": [
        (
            "axes in a row",
            lambda X, k: X.reshape(*X.shape[:2], X.shape[2] // k, X.shape[3] // k, k, k).amax(
                (4, 5)
            ),
            "axis each",
        ),
        ("no rest", lambda X, k: blocks(X, k).amax(dim=(3, 5)), "cut off"),
        ("rows only", lambda X, k: blocks(X, k).amax(dim=3).flatten(3), "these two"),
    ],
    "power_mean_pool": [
        ("no root", lambda X, p: (X**p).mean(dim=(2, 3)), "root"),
        ("sum", lambda X, p: (X**p).sum(dim=(2, 3)) ** (1 / p), "mean"),
        ("all channels", lambda X, p: (X**p).mean(dim=(1, 2, 3)) ** (1 / p), "One number"),
        ("overflows", power_mean, "divide by the maximum"),
        (
            "0 / 0",
            lambda X, p: (top := X.amax(dim=(2, 3))) * power_mean(X / top[..., None, None], p),
            "channel of zeros",
        ),
    ],
}
