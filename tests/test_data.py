"""helpers.data against torchvision on the same files, and against torch's own DataLoader."""

import gzip
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.data import DataLoader, TensorDataset

from helpers import (
    FASHION_LABELS,
    ResidentLoader,
    fashion_mnist,
    load_array,
    load_data_fashion_mnist,
    synthetic_data,
)
from helpers.download import data_dir


@pytest.fixture(scope="module")
def torchvision_root(tmp_path_factory) -> Path:
    """The shipped files, unpacked into the folders in which torchvision looks for them."""
    root = tmp_path_factory.mktemp("data")
    raw = root / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for file in (data_dir() / "FashionMNIST" / "raw").glob("*.gz"):
        (raw / file.stem).write_bytes(gzip.decompress(file.read_bytes()))
    return root


@pytest.mark.parametrize("train, n", [(True, 60_000), (False, 10_000)])
def test_same_pixels_and_labels_as_torchvision(torchvision_root, train, n):
    from torchvision.datasets import FashionMNIST

    theirs = FashionMNIST(torchvision_root, train=train)
    X, y = fashion_mnist(train)
    assert X.shape == (n, 1, 28, 28) and X.dtype == torch.uint8 and y.dtype == torch.int64
    assert torch.equal(X.squeeze(1), theirs.data)
    assert torch.equal(y, theirs.targets)
    assert [name.lower() for name in theirs.classes] == [
        "t-shirt/top" if name == "t-shirt" else name for name in FASHION_LABELS
    ]


@pytest.mark.parametrize("resize", [96, 224, (32, 48)])
def test_resizes_like_torchvision(torchvision_root, resize):
    from torchvision import transforms
    from torchvision.datasets import FashionMNIST

    transform = transforms.Compose([transforms.Resize(resize), transforms.ToTensor()])
    theirs = FashionMNIST(torchvision_root, train=False, transform=transform)
    _, test_iter = load_data_fashion_mnist(64, resize=resize)
    X, _ = next(iter(test_iter))
    expected = torch.stack([theirs[i][0] for i in range(64)])
    assert X.shape == expected.shape
    assert (X - expected).abs().max() <= 1.5 / 255


def test_loaders_give_all_images_in_batches():
    train_iter, test_iter = load_data_fashion_mnist(256)
    assert (len(train_iter), len(test_iter)) == (235, 40)
    sizes = [len(y) for _, y in train_iter]
    assert sum(sizes) == 60_000 and sizes[-1] == 60_000 - 234 * 256
    X, y = next(iter(test_iter))
    assert X.dtype == torch.float32 and 0 <= X.min() < X.max() == 1
    assert torch.equal(y, fashion_mnist(False)[1][:256])  # test data keep their order


def test_fewer_images_on_demand():
    train_iter, _ = load_data_fashion_mnist(100, num_train=1000)
    assert train_iter.num_examples == 1000
    with pytest.raises(ValueError, match="60,000"):
        load_data_fashion_mnist(100, num_train=0)


@given(n=st.integers(1, 50), batch_size=st.integers(1, 60), seed=st.integers(0, 99))
def test_every_example_once_in_each_epoch_paired_with_its_label(n, batch_size, seed):
    torch.manual_seed(seed)
    X = torch.arange(n, dtype=torch.float32)
    loader = load_array((X, 10 * X), batch_size)
    batches = list(loader)
    assert len(batches) == len(loader) == len(DataLoader(TensorDataset(X), batch_size))
    assert all(torch.equal(y, 10 * x) for x, y in batches)
    assert torch.cat([x for x, _ in batches]).sort().values.equal(X)


def test_shuffles_anew_each_epoch_and_follows_the_seed():
    loader = load_array((torch.arange(100),), 100)
    torch.manual_seed(1)
    first, second = next(iter(loader))[0], next(iter(loader))[0]
    assert not torch.equal(first, second)
    torch.manual_seed(1)
    assert torch.equal(next(iter(loader))[0], first)


def test_transform_sees_floats_in_0_to_1():
    images = torch.full((4, 1, 2, 2), 255, dtype=torch.uint8)
    loader = ResidentLoader(images, torch.arange(4), batch_size=3, transform=lambda X: X * 2)
    assert [X.unique().tolist() for X, _ in loader] == [[2.0], [2.0]]


def test_bad_input_is_one_sentence():
    with pytest.raises(ValueError, match=r"one length; here: \[2, 3\]"):
        load_array((torch.zeros(2), torch.zeros(3)), 1)
    with pytest.raises(ValueError, match="at least 1"):
        load_array((torch.zeros(2),), 0)


@settings(max_examples=20)
@given(seed=st.integers(0, 1000))
def test_synthetic_data_is_linear_up_to_noise_of_a_hundredth(seed):
    torch.manual_seed(seed)
    w, b = torch.tensor([2, -3.4]), 4.2
    X, y = synthetic_data(w, b, 2000)
    assert X.shape == (2000, 2) and y.shape == (2000, 1)
    noise = y.squeeze(1) - (X @ w + b)
    assert abs(noise.std() - 0.01) < 0.001 and abs(noise.mean()) < 0.002
