"""Data sets that live as whole tensors on the training device, and loaders that slice them.

A torchvision data set decodes, converts and collates image by image, in worker processes. Here all
60,000 images are one uint8 tensor (47 MB) where the network is, and a batch is one indexing
operation, one conversion and, if asked for, one resize: 0.05 s an epoch instead of 2 s.
"""

import gzip
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .download import fetch

FASHION_LABELS = (
    "t-shirt", "trouser", "pullover", "dress", "coat",
    "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip


class ResidentLoader:
    """Iterates over tensors in batches, like a DataLoader: `len`, shuffling, `for X, y in loader`.

    tensors: each (n, ...), on the device on which the batches are wanted. A uint8 tensor is taken
    for images and its batches are converted to floats in [0, 1].
    transform: applied to X of each batch, on its device: (b, ...) -> (b, ...).
    The order of the batches follows `torch.manual_seed`, and is the same on every device.
    """

    def __init__(
        self,
        *tensors: Tensor,
        batch_size: int,
        shuffle: bool = False,
        transform: Callable[[Tensor], Tensor] | None = None,
    ):
        lengths = {len(t) for t in tensors}
        if len(lengths) != 1:
            raise ValueError(f"Tensors of one data set share one length; here: {sorted(lengths)}.")
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}; it must be at least 1.")
        self.tensors, self.batch_size = tensors, batch_size
        self.shuffle, self.transform = shuffle, transform

    @property
    def num_examples(self) -> int:
        return len(self.tensors[0])

    def __len__(self) -> int:
        return -(-self.num_examples // self.batch_size)  # the last batch may be smaller

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        n, device = self.num_examples, self.tensors[0].device
        order = torch.randperm(n).to(device) if self.shuffle else None
        for start in range(0, n, self.batch_size):
            batch = slice(start, start + self.batch_size)
            if order is not None:
                batch = order[batch]
            yield self._prepare(*(t[batch] for t in self.tensors))

    def _prepare(self, X: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        if X.dtype == torch.uint8:
            X = X.float() / 255
        if self.transform:
            X = self.transform(X)
        return X, *rest


def resize_images(size: int | tuple[int, int]) -> Callable[[Tensor], Tensor]:
    """A transform (b, c, h, w) -> (b, c, *size): bilinear with antialiasing, as torchvision's."""
    size = (size, size) if isinstance(size, int) else tuple(size)
    return lambda X: F.interpolate(X, size, mode="bilinear", antialias=True).clamp_(0, 1)


def load_array(
    data_arrays: Sequence[Tensor], batch_size: int, is_train: bool = True
) -> ResidentLoader:
    """A loader over tensors that are in memory already, shuffled when training."""
    return ResidentLoader(*data_arrays, batch_size=batch_size, shuffle=is_train)


def synthetic_data(w: Tensor, b: float, num_examples: int) -> tuple[Tensor, Tensor]:
    """Examples of y = Xw + b + noise: X (n, len(w)) is N(0, 1), y (n, 1), the noise N(0, 0.01²)."""
    X = torch.normal(0, 1, (num_examples, len(w)))
    y = X @ w + b
    return X, (y + torch.normal(0, 0.01, y.shape)).reshape(-1, 1)


@lru_cache(maxsize=2)
def fashion_mnist(train: bool) -> tuple[Tensor, Tensor]:
    """All images (n, 1, 28, 28) as uint8 and labels (n,) as int64: 60,000 of them, or 10,000.

    Source: Xiao, Rasul, Vollgraf 2017, MIT licence; the files ship in data/.
    """
    part = "train" if train else "t10k"
    X = _read_idx(f"FashionMNIST/raw/{part}-images-idx3-ubyte.gz")
    y = _read_idx(f"FashionMNIST/raw/{part}-labels-idx1-ubyte.gz")
    return X.unsqueeze(1), y.long()


def _read_idx(name: str) -> Tensor:
    """The array in an IDX file: two zeros, a type, the rank, then big-endian sizes and the data."""
    raw = gzip.decompress(fetch(name).read_bytes())
    rank = raw[3]
    shape = np.frombuffer(raw, ">u4", count=rank, offset=4).tolist()
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape).copy())


def load_data_fashion_mnist(
    batch_size: int,
    resize: int | tuple[int, int] | None = None,
    *,
    num_train: int | None = None,
    num_test: int | None = None,
    device: torch.device | str = "cpu",
) -> tuple[ResidentLoader, ResidentLoader]:
    """Loaders over Fashion-MNIST's training images (shuffled) and all its 10,000 test images.

    Batches are X (b, 1, 28, 28), or (b, 1, resize, resize), in [0, 1], and y (b,), on `device`.
    num_train, num_test: take only the first so many images.
    """
    for name, number, most in (("num_train", num_train, 60_000), ("num_test", num_test, 10_000)):
        if number is not None and not 1 <= number <= most:
            raise ValueError(f"{name} is {number}; it must be from 1 to {most:,}.")
    transform = resize_images(resize) if resize else None
    X, y = (t[:num_train].to(device) for t in fashion_mnist(train=True))
    train_iter = ResidentLoader(X, y, batch_size=batch_size, shuffle=True, transform=transform)
    X, y = (t[:num_test].to(device) for t in fashion_mnist(train=False))
    return train_iter, ResidentLoader(X, y, batch_size=batch_size, transform=transform)


def fashion_labels(labels: Tensor | Sequence[int]) -> list[str]:
    """The names of Fashion-MNIST's classes 0 to 9."""
    return [FASHION_LABELS[int(i)] for i in labels]
