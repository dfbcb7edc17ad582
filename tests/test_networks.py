"""The networks of chapters 15 to 20, as their cells define them, against independent counts."""

from itertools import pairwise

import pytest
import torch
import torchvision
from torch import nn

from tests.chapter import chapter


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def conv(c_i: int, c_o: int, k: int) -> int:
    return c_o * (c_i * k * k + 1)


def dense(*sizes: int) -> int:
    return sum(o * (i + 1) for i, o in pairwise(sizes))


def test_lenet():
    net = chapter("15_lenet")["lenet"]()
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert count(net) == conv(1, 6, 5) + conv(6, 16, 5) + dense(400, 120, 84, 10) == 61_706


@pytest.mark.parametrize("fifth, first_dense", [(384, 39_325_696), (256, 26_218_496)])
def test_alexnet(fifth, first_dense):
    with torch.device("meta"):
        net = chapter("16_alexnet")["alexnet"](fifth=fifth)
        net(torch.empty(1, 1, 224, 224))
    convolutions = conv(1, 96, 11) + conv(96, 256, 5) + conv(256, 384, 3) + conv(384, 384, 3)
    dense_layers = dense(fifth * 5 * 5, 4096, 4096, 10)
    assert count(net) == convolutions + conv(384, fifth, 3) + dense_layers
    assert count(next(m for m in net if isinstance(m, nn.Linear))) == first_dense


@pytest.mark.parametrize("name, convs", [("vgg11", (1, 1, 2, 2, 2)), ("vgg19", (2, 2, 4, 4, 4))])
def test_vgg_is_torchvisions(name, convs):
    with torch.device("meta"):
        ours = chapter("17_vgg")["vgg"]([*zip(convs, (64, 128, 256, 512, 512), strict=True)])
        theirs = getattr(torchvision.models, name)(num_classes=10)
        theirs.features[0] = nn.Conv2d(1, 64, kernel_size=3, padding=1)
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]


def test_vgg_computes_what_torchvisions_does():
    torch.manual_seed(0)
    theirs = torchvision.models.vgg11(num_classes=10).eval()
    theirs.features[0] = nn.Conv2d(1, 64, kernel_size=3, padding=1)
    ours = chapter("17_vgg")["vgg"](((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))).eval()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        mine.data = other.data
    X = torch.rand(1, 1, 224, 224)
    torch.testing.assert_close(ours(X), theirs(X), rtol=1e-4, atol=1e-5)


def test_nin():
    with torch.device("meta"):
        net = chapter("18_nin")["nin"]()
    blocks = [(1, 96, 11), (96, 256, 5), (256, 384, 3), (384, 10, 3)]
    formula = sum(conv(i, o, k) + 2 * conv(o, o, 1) for i, o, k in blocks)
    assert count(net) == formula == 1_992_166
    assert net(torch.empty(2, 1, 224, 224, device="meta")).shape == (2, 10)


def test_googlenet():
    c = chapter("19_googlenet")
    with torch.device("meta"):
        net = c["googlenet"]()
    formula, c_in = conv(1, 64, 7) + conv(64, 64, 1) + conv(64, 192, 3), 192
    for c1, c2, c3, c4 in (block for blocks in c["BLOCKS"].values() for block in blocks):
        formula += (
            sum(conv(c_in, o, 1) for o in (c1, c2[0], c3[0], c4)) + conv(*c2, 3) + conv(*c3, 5)
        )
        c_in = c1 + c2[1] + c3[1] + c4
    assert count(net) == formula + dense(c_in, 10) == 5_977_530
    assert net(torch.empty(2, 1, 96, 96, device="meta")).shape == (2, 10)


@pytest.mark.parametrize(
    "name, replaced, weights",  # for c channels in and out
    [
        ("two_3x3", "conv5x5", 2 * 9),
        ("row_column", "conv3x3", 7 + 7),
        ("row_column_twice", "conv5x5", 4 * 7),
        ("Parallel", "conv3x3", 3),
        ("conv3x3_parallel", "conv5x5", 9 + 3),
    ],
)
def test_what_inception_v3_puts_in_place_of_a_large_kernel(name, replaced, weights):
    c = chapter("19_googlenet")
    new, old, X = c[name](8, 8), c[replaced](8, 8), torch.randn(2, 8, 9, 7)
    assert new(X).shape == old(X).shape
    assert sum(p.numel() for p in new.parameters() if p.ndim == 4) == weights * 8 * 8


@pytest.mark.parametrize("dims, library", [(2, nn.BatchNorm1d), (4, nn.BatchNorm2d)])
def test_batch_norm_from_scratch_is_the_librarys(dims, library):
    """Over some updates, in both modes: outputs, gradients, running statistics, saved state."""
    torch.manual_seed(0)
    ours, theirs = chapter("20_batch_norm")["BatchNorm"](5, dims), library(5)
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        other.data.uniform_(0.5, 1.5)
        mine.data.copy_(other.data.reshape(mine.shape))
    for training in (True, True, True, False):
        X = 3 * torch.randn((6, 5, 4, 3)[:dims]) + 2
        inputs = [X.clone().requires_grad_() for _ in range(2)]
        outputs = [
            layer.train(training)(x) for layer, x in zip((ours, theirs), inputs, strict=True)
        ]
        for layer, output in zip((ours, theirs), outputs, strict=True):
            layer.zero_grad()
            (output**3).sum().backward()
        pairs = [outputs, [x.grad for x in inputs], (ours.moving_mean, theirs.running_mean)]
        pairs += [(ours.moving_var, theirs.running_var), (ours.gamma.grad, theirs.weight.grad)]
        for mine, other in [*pairs, (ours.beta.grad, theirs.bias.grad)]:
            torch.testing.assert_close(mine.flatten(), other.flatten(), rtol=1e-4, atol=1e-4)
    assert not ours.moving_mean.requires_grad and ours.moving_var.grad_fn is None
    assert list(ours.state_dict()) == ["gamma", "beta", "moving_mean", "moving_var"]
    loaded = chapter("20_batch_norm")["BatchNorm"](5, dims).eval()
    loaded.load_state_dict(ours.state_dict())
    assert loaded(X).equal(ours(X))
