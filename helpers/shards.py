"""The parts of a batch, one for each process, and the gradients that make up those of the whole."""

import random
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass
class Shards:
    """What one process of `world` sees of a data set: `shards[step]` is its part of a batch.

    All processes draw the same order, a new one each epoch, cut it into batches of `batch_size` and
    each batch into parts that differ by one example at most. So together they see each example once
    an epoch, and the batches do not depend on how many processes there are.
    X, y: the whole data set, on the device of this process; uint8 images become floats in [0, 1].
    """

    X: Tensor
    y: Tensor
    batch_size: int
    rank: int = 0
    world: int = 1
    seed: int = 0

    def __len__(self) -> int:
        return -(-len(self.X) // self.batch_size)  # steps of an epoch; the last batch may be small

    def batch(self, step: int) -> Tensor:
        """Which examples the whole batch of a step holds; steps count on from epoch to epoch."""
        epoch, i = divmod(step, len(self))
        order = shuffled(len(self.X), self.seed, epoch)
        return order[i * self.batch_size : (i + 1) * self.batch_size]

    def __getitem__(self, step: int) -> tuple[Tensor, Tensor, Tensor]:
        """(X, y, weight), with a weight (n,) for the loss of each example.

        The mean over the processes of their weighted sums is the mean over the batch, however
        uneven the parts. A process that is left without an example takes one with weight 0.
        """
        batch = self.batch(step)
        part = batch.tensor_split(self.world)[self.rank]
        weight = self.world / len(batch) if len(part) else 0.0
        part = (part if len(part) else batch[:1]).to(self.X.device)
        X, y = self.X[part], self.y[part]
        X = X.float() / 255 if X.dtype == torch.uint8 else X
        return X, y, X.new_full((len(X),), weight)


@lru_cache(maxsize=1)
def shuffled(n: int, seed: int, epoch: int) -> Tensor:
    """The numbers 0 to n - 1 in the order of an epoch."""
    return torch.randperm(n, generator=torch.Generator().manual_seed(mixed(seed, epoch)))


def mixed(*numbers: int) -> int:
    """One seed made of several numbers; 32 bits, more of which a generator on a CPU ignores."""
    return random.Random(str(numbers)).getrandbits(32)


def backward(net: nn.Module, X: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Gradients of the weighted cross-entropy; returns the sums (loss, right, examples)."""
    scores = net(X)
    losses = F.cross_entropy(scores, y, reduction="none")
    (losses * weight).sum().backward()
    real = (weight > 0).double()
    right = (scores.argmax(dim=1) == y).double()
    return torch.stack([losses.detach().double() @ real, right @ real, real.sum()])
