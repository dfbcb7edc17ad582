"""One training step: what `train` does with each batch."""

from collections.abc import Callable
from contextlib import nullcontext

import torch
from torch import Tensor
from torch.optim import Optimizer

from .metrics import as_mean, device_of, num_correct


class Step:
    """One training step as a function of a batch: forward, backward, update.

    It returns the batch's sums (loss, right predictions, labels, examples) on its device, so that
    an accelerator is not made to wait; labels is 0 where y holds no classes. The arguments are
    those of `train`.
    """

    def __init__(
        self,
        net: Callable[[Tensor], Tensor],
        loss: Callable[[Tensor, Tensor], Tensor],
        optimizer: Optimizer | Callable[[int], None],
        scheduler=None,
        bf16: bool = False,
    ):
        self.net, self.mean_loss, self.device = net, as_mean(loss), device_of(net)
        self.optimizer, self.scheduler = optimizer, scheduler
        self.by_hand = not isinstance(optimizer, Optimizer)
        self.bf16 = bf16 and self.device is not None and self.device.type == "cuda"
        if self.bf16:
            net.to(memory_format=torch.channels_last)

    def __call__(self, X: Tensor, y: Tensor) -> Tensor:
        sums = self.gradients(X, y)
        self.update(len(X))
        return sums

    def gradients(self, X: Tensor, y: Tensor) -> Tensor:
        """Forward and backward; returns the sums."""
        X, y = (t.to(self.device, non_blocking=True) for t in (X, y))
        if self.bf16 and X.ndim == 4:
            X = X.to(memory_format=torch.channels_last)
        with torch.autocast("cuda", torch.bfloat16) if self.bf16 else nullcontext():
            y_hat = self.net(X)
            l = self.mean_loss(y_hat, y)
        if self.by_hand:
            (l * len(X)).backward()
        else:
            self.optimizer.zero_grad()
            l.backward()
        classes = not y.is_floating_point()
        right = num_correct(y_hat.detach(), y) if classes else l.new_zeros(())
        precise = torch.float32 if l.device.type == "mps" else torch.float64
        counts = (y.numel() if classes else 0, len(X))
        counts = [l.new_full((), n, dtype=precise) for n in counts]  # a copy would wait
        return torch.stack([l.detach() * len(X), right, *counts])

    def update(self, batch_size: int) -> None:
        """Let the optimizer and the scheduler do their part."""
        if self.by_hand:
            self.optimizer(batch_size)
        else:
            self.optimizer.step()
        if self.scheduler is not None:
            self.scheduler.step()
