"""The book's names for devices."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..devices import try_all_gpus


def try_gpu(i: int = 0) -> torch.device:
    """GPU number `i`, or the CPU where there is no such GPU (`helpers.try_gpu` raises an error).

    Not as in d2l: Apple's and Intel's accelerators count too.
    """
    devices = try_all_gpus()
    return devices[i] if 0 <= i < len(devices) else torch.device("cpu")


def num_gpus() -> int:
    """How many accelerators PyTorch can use here; 0 without any. (A name of d2l 1.0.)"""
    return sum(device.type != "cpu" for device in try_all_gpus())


def split_batch(
    X: Tensor, y: Tensor, devices: Sequence[torch.device]
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """Share a batch out among devices: (the parts of X, the parts of y), each on its device.

    Not as in d2l: CPUs are devices too, and each device gets a part of a batch that does not
    divide evenly, for example 2, 1, 1 and 1 of 5 examples. Of fewer examples than devices the last
    devices get empty parts. Raises ValueError for unequal lengths.
    """
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} examples and y has {len(y)}.")
    return tuple(
        tuple(part.to(device) for part, device in zip(parts, devices, strict=True))
        for parts in (X.tensor_split(len(devices)), y.tensor_split(len(devices)))
    )


def get_dataloader_workers() -> int:
    """0 worker processes, for `num_workers` of a DataLoader.

    Not as in d2l, where it is 4: on Windows and macOS these start slowly or not at all.
    """
    return 0
