"""The book's models, losses and layers."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import models


def linreg(X: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The linear regression model Xw + b."""
    return X @ w + b


def squared_loss(y_hat: Tensor, y: Tensor) -> Tensor:
    """½ (ŷ - y)² of each example, shaped like `y_hat`. (`nn.MSELoss` has no ½.)"""
    return (y_hat - y.reshape(y_hat.shape)) ** 2 / 2


@torch.no_grad()
def sgd(params: Iterable[Tensor], lr: float, batch_size: int) -> None:
    """One step of minibatch SGD on the gradient of a batch's *sum*, which is then set to zero."""
    for param in params:
        param -= lr * param.grad / batch_size
        param.grad.zero_()


def corr2d(X: Tensor, K: Tensor) -> Tensor:
    """Two-dimensional cross-correlation of X (h, w) with the kernel K, as float32.

    Not as in d2l: PyTorch computes it, on the device of X.
    """
    return F.conv2d(X.float()[None, None], K.float()[None, None])[0, 0]


class Residual(models.Residual):
    """The residual block of ResNet, in both published signatures.

    `Residual(input_channels, num_channels, use_1x1conv=False, strides=1)` is the book's and that of
    d2l 0.17, `Residual(num_channels, use_1x1conv=False, strides=1)` that of d2l 1.0, which takes
    the number of input channels from the first batch.
    """

    def __init__(
        self,
        input_channels: int | None = None,
        num_channels: int | None = None,
        use_1x1conv: bool = False,
        strides: int = 1,
    ):
        if isinstance(num_channels, bool):  # the second argument of 1.0
            num_channels, use_1x1conv, strides = None, num_channels, use_1x1conv or strides
        if input_channels is not None and num_channels is not None:
            super().__init__(input_channels, num_channels, use_1x1conv, strides)
            return
        channels = input_channels or num_channels
        super().__init__(channels, channels, use_1x1conv, strides)
        self.conv1 = nn.LazyConv2d(channels, kernel_size=3, padding=1, stride=strides)
        if use_1x1conv:
            self.conv3 = nn.LazyConv2d(channels, kernel_size=1, stride=strides)


def resnet18(num_classes: int, in_channels: int = 1) -> nn.Sequential:
    """ResNet-18 for small images: a 3x3 convolution first, without the max pooling."""
    net = models.resnet18(num_classes, in_channels, stem="small")
    named = nn.Sequential(*net.b1)  # the same network by the names of d2l's
    for i, stage in enumerate((net.b2, net.b3, net.b4, net.b5), 1):
        named.add_module(f"resnet_block{i}", stage)
    named.add_module("global_avg_pool", net.pool)
    named.add_module("fc", nn.Sequential(net.flatten, net.fc))
    return named
