"""The block and the network that several chapters share."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet
from torchvision.models import resnet18 as torchvision_resnet18

from helpers import Residual, resnet18, trace_layers
from tests.chapter import chapter

CHILDREN = ["b1", "b2", "b3", "b4", "b5", "pool", "flatten", "fc"]


@pytest.fixture(scope="module")
def notebook():
    """The definitions of chapter 21, executed as they stand in its cells."""
    return chapter("21_resnet")


def assert_equal(ours: nn.Module, theirs: nn.Module, X: torch.Tensor):
    """The same names, numbers, outputs and gradients, to the last bit."""
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(a.equal(b) for a, b in zip(ours.parameters(), theirs.parameters(), strict=True))
    outputs = ours(X), theirs(X)
    assert outputs[0].equal(outputs[1])
    for output in outputs:
        output.square().sum().backward()
    for (name, a), b in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert a.grad.equal(b.grad), name
    assert all(a.equal(b) for a, b in zip(ours.buffers(), theirs.buffers(), strict=True))


def seeded(cls, *args, **kwargs):
    torch.manual_seed(0)
    return cls(*args, **kwargs)


@pytest.mark.parametrize("args", [(3, 3), (3, 6, True), (3, 6, True, 2)], ids=str)
def test_the_block_is_the_notebooks(notebook, args):
    X = torch.randn(4, 3, 7, 7)
    assert_equal(seeded(Residual, *args), seeded(notebook["Residual"], *args), X)


@pytest.mark.parametrize("stem, pixels", [("large", 64), ("small", 16)])
@pytest.mark.parametrize("channels, width", [(1, 1 / 8), (3, 1 / 4)])
def test_the_network_is_the_notebooks(notebook, stem, pixels, channels, width):
    options = dict(in_channels=channels, stem=stem, width=width)
    X = torch.randn(2, channels, pixels, pixels)
    assert_equal(seeded(resnet18, 10, **options), seeded(notebook["resnet18"], 10, **options), X)


@pytest.mark.parametrize("channels, stride", [((4, 4), 1), ((4, 8), 2)])
def test_a_block_computes_what_torchvisions_does(channels, stride):
    ours = Residual(*channels, use_1x1conv=stride != 1, strides=stride)
    theirs = resnet.BasicBlock(*channels, stride, downsample=ours.conv3)
    theirs.load_state_dict(ours.state_dict(), strict=False)  # it has no biases
    X = torch.randn(4, 4, 8, 8)
    torch.testing.assert_close(ours(X), theirs(X), rtol=0, atol=1e-5)


def test_its_parameters_are_torchvisions_plus_biases_less_norms_on_shortcuts():
    with torch.device("meta"):
        ours, theirs = resnet18(10, 3), torchvision_resnet18(num_classes=10)
    convolutions = [m for m in ours.modules() if isinstance(m, nn.Conv2d)]
    biases = sum(m.out_channels for m in convolutions)
    norms = sum(2 * m.out_channels for m in convolutions if m.kernel_size == (1, 1))
    assert parameters(ours) == parameters(theirs) + biases - norms


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_it_has_as_many_parameters_as_the_published_network():
    with torch.device("meta"):
        assert parameters(resnet18(10)) == 11_178_378


def test_the_small_stem_is_the_network_of_the_peer():
    peer = pytest.importorskip("d2l.torch", reason="the peer is not installed")
    ours, theirs = seeded(resnet18, 10, 3, stem="small"), seeded(peer.resnet18, 10, 3)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert a.equal(b)
    X = torch.randn(2, 3, 32, 32)
    assert ours(X).equal(theirs(X))


@pytest.mark.parametrize(
    "stem, pixels, sizes",
    [("large", 224, [56, 56, 28, 14, 7]), ("small", 32, [32, 32, 16, 8, 4])],
)
def test_each_stage_after_the_second_halves_the_size(stem, pixels, sizes):
    with torch.device("meta"):
        layers = trace_layers(resnet18(10, stem=stem), (1, pixels, pixels))
    assert [layer.name for layer in layers] == CHILDREN
    assert [layer.shape[1:] for layer in layers[:5]] == [(size, size) for size in sizes]
    assert [layer.shape[0] for layer in layers] == [64, 64, 128, 256, 512, 512, 512, 10]


def test_a_block_whose_residual_is_zero_passes_its_input_on():
    block, X = Residual(4, 4), torch.rand(2, 4, 8, 8)
    nn.init.zeros_(block.bn2.weight)
    assert block(X).equal(X)


@pytest.mark.parametrize("args", [(1, 6), (3, 6), (3, 3, False, 2)], ids=str)
def test_a_block_that_changes_the_shape_asks_for_its_1x1_convolution(args):
    with pytest.raises(ValueError, match=r"cannot add its input .* give it use_1x1conv=True"):
        Residual(*args)


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(stem="tiny"), "stem is 'tiny'; it is 'large'"),
        (dict(width=1 / 128), "width is 0.0078125; 64 x width"),
    ],
)
def test_a_wrong_network_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        resnet18(10, **options)
