"""The networks of chapters 15 to 20, as the benchmark trains them; for 10 classes, grey images.

ResNet-18 is helpers.resnet18.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def conv(inputs: int, outputs: int, size: int, **options) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, size, **options), nn.ReLU()]


def lenet(norm: bool = False) -> nn.Sequential:
    """For 28 pixels; the notes' one with batch normalization has no padding."""

    def after(layer: nn.Module, width: int, kind: type[nn.Module]) -> list[nn.Module]:
        return [layer, *([kind(width)] if norm else []), nn.ReLU()]

    return nn.Sequential(
        *after(nn.Conv2d(1, 6, 5, padding=0 if norm else 2), 6, nn.BatchNorm2d),
        nn.MaxPool2d(2),
        *after(nn.Conv2d(6, 16, 5), 16, nn.BatchNorm2d),
        nn.MaxPool2d(2),
        nn.Flatten(),
        *after(nn.Linear(16 * (4 * 4 if norm else 5 * 5), 120), 120, nn.BatchNorm1d),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def dense(inputs: int) -> list[nn.Module]:
    layers = [nn.Flatten(), nn.Linear(inputs, 4096), nn.ReLU(), nn.Dropout(0.5)]
    return [*layers, nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5), nn.Linear(4096, 10)]


def alexnet() -> nn.Sequential:
    """For 224 pixels; the fifth convolution has the notes' 384 channels."""
    return nn.Sequential(
        *conv(1, 96, 11, stride=4, padding=1),
        nn.MaxPool2d(3, 2),
        *conv(96, 256, 5, padding=2),
        nn.MaxPool2d(3, 2),
        *conv(256, 384, 3, padding=1),
        *conv(384, 384, 3, padding=1),
        *conv(384, 384, 3, padding=1),
        nn.MaxPool2d(3, 2),
        *dense(384 * 5 * 5),
    )


def vgg(width: int = 64) -> nn.Sequential:
    """VGG-11 for 224 pixels; the notes' quarter has `width` 16."""
    layers, inputs = [], 1
    for count, times in ((1, 1), (1, 2), (2, 4), (2, 8), (2, 8)):
        for _ in range(count):
            layers += conv(inputs, width * times, 3, padding=1)
            inputs = width * times
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, *dense(inputs * 7 * 7))


def nin() -> nn.Sequential:
    """For 224 pixels."""

    def block(inputs: int, outputs: int, size: int, **options) -> list[nn.Module]:
        ones = conv(outputs, outputs, 1) + conv(outputs, outputs, 1)
        return conv(inputs, outputs, size, **options) + ones

    return nn.Sequential(
        *block(1, 96, 11, stride=4),
        nn.MaxPool2d(3, 2),
        *block(96, 256, 5, padding=2),
        nn.MaxPool2d(3, 2),
        *block(256, 384, 3, padding=1),
        nn.MaxPool2d(3, 2),
        nn.Dropout(0.5),
        *block(384, 10, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


class Inception(nn.Module):
    def __init__(self, inputs: int, c1: int, c2: Sequence[int], c3: Sequence[int], c4: int):
        super().__init__()
        self.paths = nn.ModuleList(
            nn.Sequential(*path)
            for path in (
                conv(inputs, c1, 1),
                conv(inputs, c2[0], 1) + conv(c2[0], c2[1], 3, padding=1),
                conv(inputs, c3[0], 1) + conv(c3[0], c3[1], 5, padding=2),
                [nn.MaxPool2d(3, 1, padding=1), *conv(inputs, c4, 1)],
            )
        )

    def forward(self, X: Tensor) -> Tensor:
        return torch.cat([path(X) for path in self.paths], dim=1)


def googlenet() -> nn.Sequential:
    """For 96 pixels."""
    pool = nn.MaxPool2d(3, 2, padding=1)
    return nn.Sequential(
        *conv(1, 64, 7, stride=2, padding=3),
        pool,
        *conv(64, 64, 1),
        *conv(64, 192, 3, padding=1),
        pool,
        Inception(192, 64, (96, 128), (16, 32), 32),
        Inception(256, 128, (128, 192), (32, 96), 64),
        pool,
        Inception(480, 192, (96, 208), (16, 48), 64),
        Inception(512, 160, (112, 224), (24, 64), 64),
        Inception(512, 128, (128, 256), (24, 64), 64),
        Inception(512, 112, (144, 288), (32, 64), 64),
        Inception(528, 256, (160, 320), (32, 128), 128),
        pool,
        Inception(832, 256, (160, 320), (32, 128), 128),
        Inception(832, 384, (192, 384), (48, 128), 128),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(1024, 10),
    )
