"""ResNet-18 and its block, as chapter 21 builds them; later chapters take them from here."""

from collections import OrderedDict

import torch.nn.functional as F
from torch import Tensor, nn


class Residual(nn.Module):
    """A residual block, relu(F(X) + X), where F is two 3x3 convolutions, each with a batch norm.

    X is (n, input_channels, h, w), the output (n, num_channels, h / strides, w / strides), rounded
    up. use_1x1conv: add a 1x1 convolution of X instead of X itself, as a block must that changes
    the channels or the size. Raises ValueError for such a block without it.
    Source: He, Zhang, Ren, Sun 2015, https://arxiv.org/abs/1512.03385, section 3.
    """

    def __init__(
        self, input_channels: int, num_channels: int, use_1x1conv: bool = False, strides: int = 1
    ):
        super().__init__()
        if not use_1x1conv and (input_channels != num_channels or strides != 1):
            raise ValueError(
                f"A block from {input_channels} to {num_channels} channels with strides={strides} "
                "cannot add its input to its output; give it use_1x1conv=True."
            )
        c_in, c_out = input_channels, num_channels
        self.conv1 = nn.Conv2d(c_in, c_out, kernel_size=3, padding=1, stride=strides)
        self.conv2 = nn.Conv2d(c_out, c_out, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(c_in, c_out, kernel_size=1, stride=strides) if use_1x1conv else None
        self.bn1 = nn.BatchNorm2d(c_out)
        self.bn2 = nn.BatchNorm2d(c_out)

    def residual(self, X: Tensor) -> Tensor:
        """F(X), what the block adds to its shortcut."""
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(X)))))

    def forward(self, X: Tensor) -> Tensor:
        return F.relu(self.residual(X) + (X if self.conv3 is None else self.conv3(X)))


def resnet18(
    num_classes: int, in_channels: int = 1, *, stem: str = "large", width: float = 1
) -> nn.Sequential:
    """ResNet-18: images (n, in_channels, h, w) -> scores (n, num_classes).

    stem: "large" for images of about 224 pixels (7x7 with stride 2, then max pooling, which leave a
    quarter of the height), "small" for 28 or 32 (3x3, all of it). width scales the channels. The
    children are b1, ..., b5, pool, flatten and fc.
    Raises ValueError for another stem, and for a width that leaves no channel.
    Source: as for `Residual`; as in the book, convolutions have a bias and shortcuts no norm.
    """
    c2, c3, c4, c5 = (int(c * width) for c in (64, 128, 256, 512))
    if c2 < 1:
        raise ValueError(f"width is {width}; 64 x width is the channels of b2 and at least 1.")
    return nn.Sequential(
        OrderedDict(
            b1=_stem(stem, in_channels, c2),
            b2=_stage(c2, c2, strides=1),
            b3=_stage(c2, c3, strides=2),
            b4=_stage(c3, c4, strides=2),
            b5=_stage(c4, c5, strides=2),
            pool=nn.AdaptiveAvgPool2d((1, 1)),
            flatten=nn.Flatten(),
            fc=nn.Linear(c5, num_classes),
        )
    )


def _stem(size: str, in_channels: int, c_out: int) -> nn.Sequential:
    if size == "small":
        conv, pool = nn.Conv2d(in_channels, c_out, kernel_size=3, padding=1), []
    elif size == "large":
        conv = nn.Conv2d(in_channels, c_out, kernel_size=7, stride=2, padding=3)
        pool = [nn.MaxPool2d(kernel_size=3, stride=2, padding=1)]
    else:
        raise ValueError(f"stem is {size!r}; it is 'large' (224 pixels) or 'small' (28 or 32).")
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU(), *pool)


def _stage(c_in: int, c_out: int, strides: int) -> nn.Sequential:
    first = Residual(c_in, c_out, use_1x1conv=strides != 1, strides=strides)
    return nn.Sequential(first, Residual(c_out, c_out))
