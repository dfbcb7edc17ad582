"""helpers.augment against torchvision, image by image, and over many draws."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as tv

from helpers import augment

DRAWS = 2000
numbers = st.integers(0, 10**6)


def images(seed: int, n: int = 5, h: int = 12, w: int = 9) -> torch.Tensor:
    return torch.rand(n, 3, h, w, generator=torch.Generator().manual_seed(seed))


def integers(seed: int, n: int, low: int, high: int) -> torch.Tensor:
    return torch.randint(low, high + 1, (n,), generator=torch.Generator().manual_seed(seed))


def one_by_one(change, X, *values):
    """The reference: a function of a single image, called for each with its own numbers."""
    return torch.stack([change(x, *(int(v[i]) for v in values)) for i, x in enumerate(X)])


# ---- the same random numbers, the same images ----------------------------------------------------


@given(seed=numbers)
def test_flip_is_torchvisions_image_by_image(seed):
    X, chosen = images(seed), integers(seed, 5, 0, 1)
    expected = one_by_one(lambda x, yes: tv.hflip(x) if yes else x, X, chosen)
    assert torch.equal(augment.flip(X, chosen.bool()), expected)


@given(seed=numbers, most=st.integers(0, 15))
def test_shift_is_padding_and_cropping_image_by_image(seed, most):
    X = images(seed)
    down, right = integers(seed, 5, -most, most), integers(seed + 1, 5, -most, most)

    def pad_and_crop(x, down, right):
        return tv.crop(tv.pad(x, most), most - down, most - right, *x.shape[1:])

    expected = one_by_one(pad_and_crop, X, down, right)
    assert torch.equal(augment.shift(X, down, right), expected)


@given(seed=numbers)
def test_erase_is_torchvisions_image_by_image(seed):
    X = images(seed)
    top, left, height, width = (integers(seed + k, 5, 0, 9) for k in range(4))

    def erase(x, top, left, height, width):
        return tv.erase(x, top, left, height, width, v=torch.zeros(1))

    expected = one_by_one(erase, X, top, left, height, width)
    assert torch.equal(augment.erase(X, top, left, height, width), expected)


@settings(deadline=None)
@given(seed=numbers, size=st.sampled_from([1, 8, 17]))
def test_crop_is_torchvisions_image_by_image(seed, size):
    X = images(seed)
    height, width = integers(seed, 5, 1, 12), integers(seed + 1, 5, 1, 9)
    top = (12 - height) * integers(seed + 2, 5, 0, 1)
    left = (9 - width) * integers(seed + 3, 5, 0, 1)

    def resized_crop(x, *box):
        return tv.resized_crop(x, *box, [size, size], antialias=False)

    expected = one_by_one(resized_crop, X, top, left, height, width)
    assert torch.allclose(augment.crop(X, top, left, height, width, size), expected, atol=1e-5)


# ---- many draws, the same statistics ------------------------------------------------------------


def moved(transform: augment.Transform) -> torch.Tensor:
    """What `transform` did to each of many pictures: (top row, left column) and (right - left)."""
    rows, columns = torch.meshgrid(*[torch.arange(33.0)] * 2, indexing="ij")
    Y = transform(torch.stack([rows, columns]).expand(DRAWS, -1, -1, -1))
    return torch.stack([Y[:, 0, 16, 16], Y[:, 1, 16, 16], Y[:, 1, 16, 17] - Y[:, 1, 16, 15]])


@pytest.mark.parametrize("p", [0, 0.2, 0.5, 1])
def test_over_2000_draws_the_share_of_flips_is_within_two_percent(p):
    torch.manual_seed(0)
    step = moved(augment.random_flip(p))[2]
    assert set(step.tolist()) <= {2, -2}
    assert abs((step == -2).float().mean() - p) <= 0.02


def test_over_2000_draws_shifts_are_uniform_within_two_percent():
    torch.manual_seed(0)
    places = moved(augment.random_shift(4))[:2]
    for place in places:
        assert abs(place.mean() - 16) <= 0.02 * 9
        assert abs(place.std() - ((9**2 - 1) / 12) ** 0.5) <= 0.02 * 9
        shares = torch.bincount((place - 12).long(), minlength=9) / DRAWS
        assert (shares - 1 / 9).abs().max() <= 0.02
    rows, columns = (places - 12).long()  # down and right do not depend on each other
    shares = torch.bincount(9 * rows + columns, minlength=81) / DRAWS
    assert (shares - 1 / 81).abs().max() <= 0.02


BOXES = {
    "erase": (v2.RandomErasing, (0.02, 0.33), (0.3, 3.3)),
    "erase much": (v2.RandomErasing, (0.5, 0.9), (0.5, 3)),
    "crop": (v2.RandomResizedCrop, (0.08, 1), (3 / 4, 4 / 3)),
    "crop, tall": (v2.RandomResizedCrop, (0.5, 1), (0.25, 1)),
}


@pytest.mark.parametrize("cls, scale, ratio", BOXES.values(), ids=list(BOXES))
def test_over_2000_draws_boxes_are_torchvisions_within_two_percent(cls, scale, ratio):
    torch.manual_seed(0)
    is_crop, x = cls is v2.RandomResizedCrop, torch.zeros(1, 32, 32)
    theirs = cls(32, scale, ratio) if is_crop else cls(1, scale, ratio)
    theirs = [theirs.make_params([x]) for _ in range(DRAWS)]
    upright = (1 / ratio[1], 1 / ratio[0]) if is_crop else ratio  # width / height, turned over
    *ours, fits = augment.random_boxes(DRAWS, (32, 32), scale, upright, whole=is_crop)
    names = ("top", "left", "height", "width") if is_crop else "ijhw"
    fit = [one for one in theirs if one.get("v", 0) is not None]
    theirs = torch.tensor([[float(one[name]) for name in names] for one in fit]).T / 32  # (4, n)
    ours = torch.stack(ours)[:, fits | is_crop] / 32  # where none fits, a crop is the whole image
    assert abs(fits.float().mean() - share_that_fits(theirs)) <= 0.02
    ours, theirs = (torch.cat([t, t[2:3] * t[3:4], t[0:1] * t[1:2]]) for t in (ours, theirs))
    for mine, other in zip(ours, theirs, strict=True):  # the four, the area, and top x left
        assert abs(mine.mean() - other.mean()) <= 0.02
        assert abs(mine.std() - other.std()) <= 0.02


def share_that_fits(boxes: torch.Tensor) -> float:
    """Of torchvision's draws: the others drew nothing, or took the whole image."""
    return ((boxes[2] < 1) | (boxes[3] < 1)).sum() / DRAWS


@pytest.mark.parametrize("p", [0.3, 0.7])
def test_over_2000_draws_the_share_of_erased_images_is_within_two_percent(p):
    X = torch.ones(DRAWS, 1, 32, 32)
    torch.manual_seed(1)
    Y = augment.random_erase(p)(X)
    torch.manual_seed(1)
    *box, _ = augment.random_boxes(DRAWS, (32, 32), (0.02, 0.33), (0.3, 3.3), whole=False)
    erased = Y.flatten(1).min(dim=1).values == 0
    assert abs(erased.float().mean() - p) <= 0.02
    assert torch.equal(Y[erased], augment.erase(X, *box)[erased])


def test_where_no_box_fits_a_crop_takes_the_whole_and_erasing_leaves_the_image():
    X = images(2, h=8, w=8)
    assert torch.allclose(augment.random_crop(8, scale=(2, 3))(X), X, atol=1e-5)
    assert torch.equal(augment.random_erase(p=1, scale=(2, 3))(X), X)


CHANGES = [
    augment.random_flip(),
    augment.random_shift(4),
    augment.random_erase(p=1),
    augment.random_crop(16),
]


def test_images_of_a_batch_differ_and_follow_the_seed():
    X = images(0, n=1).expand(50, -1, -1, -1)
    change = augment.compose(augment.random_shift(2), augment.random_flip())
    torch.manual_seed(3)
    Y = change(X)
    assert len(Y.flatten(1).unique(dim=0)) > 20
    torch.manual_seed(3)
    assert torch.equal(change(X), Y)


def test_compose_applies_the_first_one_first():
    assert augment.compose(lambda X: X + 1, lambda X: X * 2)(torch.zeros(1)) == 2


def test_the_batch_itself_stays_as_it_is():
    X = images(1, h=32, w=32)
    before = X.clone()
    for change in CHANGES:
        change(X)
    assert torch.equal(X, before)


def test_bad_input_is_one_sentence():
    with pytest.raises(ValueError, match=r"\(b, c, h, w\).*images \(3, 8, 8\)"):
        augment.random_flip()(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="and 2 values"):
        augment.flip(torch.zeros(3, 1, 8, 8), torch.zeros(2, dtype=torch.bool))
    with pytest.raises(ValueError, match=r"p is 1\.5"):
        augment.random_erase(p=1.5)
    with pytest.raises(ValueError, match="crops want floats"):
        augment.random_crop(8)(torch.zeros(3, 1, 8, 8, dtype=torch.uint8))
    with pytest.raises(ValueError, match="here are images"):
        augment.random_crop(8)(torch.zeros(1, 8, 8))


BAD = {
    "most is -1; it must be whole pixels": lambda: augment.random_shift(-1),
    "most is 1.5; it must be whole pixels": lambda: augment.random_shift(1.5),
    "size is 0; it must be whole pixels": lambda: augment.random_crop(0),
    r"scale is \(0.3, 0.1\); it must be": lambda: augment.random_erase(scale=(0.3, 0.1)),
    r"scale is \(-1, 1\); it must be": lambda: augment.random_crop(8, scale=(-1, 1)),
    r"ratio is \(-1, 2\); it must be": lambda: augment.random_erase(ratio=(-1, 2)),
    r"ratio is \(2, 1\); it must be": lambda: augment.random_crop(8, ratio=(2, 1)),
}


@pytest.mark.parametrize("words, make", BAD.items())
def test_a_bad_argument_is_one_sentence_before_any_image(words, make):
    with pytest.raises(ValueError, match=words):
        make()
