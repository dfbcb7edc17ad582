"""Random changes to whole batches of images, on the device where the images are.

torchvision's transforms take one image at a time, or change all images of a batch alike. Here the
random numbers of a batch are drawn together, each image has its own, and a change is one operation
on the whole batch. `flip`, `shift`, `erase` and `crop` take the random numbers as arguments;
`random_flip` and the others draw them. These follow `torch.manual_seed`, alike on every device.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Transform = Callable[[Tensor], Tensor]  # images (b, c, h, w) -> images


def compose(*transforms: Transform) -> Transform:
    """One transform that applies several, the first one first."""

    def transform(X: Tensor) -> Tensor:
        for one in transforms:
            X = one(X)
        return X

    return transform


def flip(X: Tensor, chosen: Tensor) -> Tensor:
    """Mirror left and right where chosen (b,) is true: (b, c, h, w) -> (b, c, h, w)."""
    return torch.where(_each(X, chosen, 3), X.flip(-1), X)


def random_flip(p: float = 0.5) -> Transform:
    """A transform that mirrors each image with probability p, as RandomHorizontalFlip."""
    _need(0 <= p <= 1, "p", p, "a probability is from 0 to 1")
    return lambda X: flip(X, torch.rand(len(X)) < p)


def shift(X: Tensor, down: Tensor, right: Tensor) -> Tensor:
    """Move each image by its own down and right, (b,) whole pixels; what comes in is 0.

    To pad by n and take a random crop of the old size is the same as to shift by up to n.
    """
    n, c, h, w = X.shape
    rows = torch.arange(h, device=X.device) - _each(X, down, 2)  # (b, 1, h): taken from where
    columns = torch.arange(w, device=X.device) - _each(X, right, 2)  # (b, 1, w)
    inside = _within(rows, h)[..., :, None] & _within(columns, w)[..., None, :]  # (b, 1, h, w)
    X = X.gather(2, rows.clamp(0, h - 1)[..., None].expand(n, c, h, w))
    X = X.gather(3, columns.clamp(0, w - 1)[..., None, :].expand(n, c, h, w))
    return X.masked_fill(~inside, 0)


def random_shift(most: int) -> Transform:
    """A transform that moves each image by up to `most` pixels up or down and left or right."""
    _need(isinstance(most, int) and most >= 0, "most", most, "it must be whole pixels, at least 0")
    return lambda X: shift(X, *torch.randint(-most, most + 1, (2, len(X))))


def erase(X: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Set one box in each image to 0, given by its own four numbers (b,), in pixels."""
    top, left, height, width = (_each(X, t, 2) for t in (top, left, height, width))
    rows = torch.arange(X.shape[2], device=X.device) - top  # (b, 1, h)
    columns = torch.arange(X.shape[3], device=X.device) - left  # (b, 1, w)
    box = _within(rows, height)[..., :, None] & _within(columns, width)[..., None, :]
    return X.masked_fill(box, 0)


def random_erase(
    p: float = 0.5,
    scale: tuple[float, float] = (0.02, 0.33),
    ratio: tuple[float, float] = (0.3, 3.3),
) -> Transform:
    """A transform that erases a box in each image with probability p, as RandomErasing.

    scale: of the box's area, as a share of the image's; ratio: of its height to its width.
    """
    _need(0 <= p <= 1, "p", p, "a probability is from 0 to 1")
    _need_ranges(scale, ratio)

    def transform(X: Tensor) -> Tensor:
        height, width = X.shape[-2:]
        top, left, h, w, fits = random_boxes(len(X), (height, width), scale, ratio, whole=False)
        return erase(X, top, left, h * (fits & (torch.rand(len(X)) < p)), w)

    return transform


def crop(X: Tensor, top: Tensor, left: Tensor, height: Tensor, width: Tensor, size: int) -> Tensor:
    """Cut one box (b,) out of each image and resize it bilinearly: -> (b, c, size, size).

    The same numbers as torchvision's `resized_crop` with antialias=False.
    """
    _need(X.is_floating_point(), "the type of X", X.dtype, "crops want floats, X.float() / 255")

    def positions(start: Tensor, length: Tensor, whole: int) -> Tensor:
        """Where the `size` new pixels lie in the image: (b, size), from -1 to 1."""
        start, length = (_each(X, t, 1).float() for t in (start, length))
        step = (torch.arange(size, device=X.device) + 0.5) * length / size - 0.5
        return 2 * (step.clamp(min=0).minimum(length - 1) + start) / max(whole - 1, 1) - 1

    y, x = positions(top, height, X.shape[2]), positions(left, width, X.shape[3])
    y, x = y[:, :, None].expand(-1, -1, size), x[:, None, :].expand(-1, size, -1)
    return F.grid_sample(X, torch.stack([x, y], dim=-1), align_corners=True)


def random_crop(
    size: int,
    scale: tuple[float, float] = (0.08, 1),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Transform:
    """A transform that cuts a random box out of each image, as RandomResizedCrop(size).

    scale: of the box's area, as a share of the image's; ratio: of its width to its height. Where no
    box fits, it takes the whole image, and torchvision a centred box of the nearest ratio.
    """
    _need(isinstance(size, int) and size >= 1, "size", size, "it must be whole pixels, at least 1")
    _need_ranges(scale, ratio)

    def transform(X: Tensor) -> Tensor:
        upright = 1 / ratio[1], 1 / ratio[0]
        top, left, h, w, _ = random_boxes(len(X), X.shape[-2:], scale, upright)
        return crop(X, top, left, h, w, size)

    return transform


def random_boxes(
    n: int,
    shape: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    whole: bool = True,
    tries: int = 10,
) -> tuple[Tensor, ...]:
    """Boxes in images of `shape` (h, w): top, left, height, width and whether one fits, each (n,).

    The area is uniform in `scale`, the logarithm of height / width uniform in `ratio`'s. Of `tries`
    draws the first that fits is taken, and where none does, the whole image. whole: whether a box
    may be as high or as wide as the image. Source: torchvision's RandomResizedCrop.
    """
    area = shape[0] * shape[1] * torch.empty(n, tries).uniform_(*scale)
    upright = torch.empty(n, tries).uniform_(*torch.tensor(ratio).log().tolist()).exp()
    sides = [(area * upright).sqrt().round(), (area / upright).sqrt().round()]
    most = torch.tensor(shape) - (0 if whole else 1)
    fits = (sides[0] <= most[0]) & (sides[1] <= most[1]) & (sides[0] > 0) & (sides[1] > 0)
    first = fits.int().argmax(dim=1, keepdim=True)  # the first of the largest: the first that fits
    found = fits.any(dim=1)
    height, width = (
        side.gather(1, first)[:, 0].long().where(found, torch.tensor(most_of))
        for side, most_of in zip(sides, shape, strict=True)
    )
    top, left = (
        (torch.rand(n) * (length - side + 1)).long()
        for side, length in ((height, shape[0]), (width, shape[1]))
    )
    return top, left, height, width, found


def _need(right: bool, name: str, value: object, what: str) -> None:
    if not right:
        raise ValueError(f"{name} is {value}; {what}.")


def _need_ranges(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    """Of `random_erase` and `random_crop`."""
    _need(0 <= scale[0] <= scale[1], "scale", scale, "it must be (least, most), shares of the area")
    _need(0 < ratio[0] <= ratio[1], "ratio", ratio, "it must be (least, most), both above 0")


def _each(X: Tensor, values: Tensor, more: int) -> Tensor:
    """One value per image, on the device of X, with `more` axes of 1: (b,) -> (b, 1, ..., 1).

    Raises ValueError for what is no batch of images, and for another number of values.
    """
    if X.ndim != 4 or len(values) != len(X):
        raise ValueError(
            f"A batch of images is (b, c, h, w), with b values for its random numbers; here are "
            f"images {tuple(X.shape)} and {len(values)} values."
        )
    return values.to(X.device).reshape(-1, *[1] * more)


def _within(positions: Tensor, length: Tensor | int) -> Tensor:
    return (positions >= 0) & (positions < length)
