"""Looking into networks: shapes, parameters, FLOPs, confusion, mistakes."""

import matplotlib.pyplot as plt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import (
    draw_graph,
    draw_network,
    show_confusion,
    show_layers,
    show_mistakes,
    trace_layers,
)


@pytest.fixture(autouse=True)
def no_figure_left():
    yield
    plt.close("all")


def convolution(c_in=3, c_out=8, k=5, padding=2, stride=1, size=16):
    return nn.Sequential(nn.Conv2d(c_in, c_out, k, stride, padding)), (c_in, size, size)


@settings(deadline=None)  # the first trace imports the counter
@given(
    c_in=st.integers(1, 4),
    c_out=st.integers(1, 8),
    k=st.integers(1, 5),
    padding=st.integers(0, 2),
    stride=st.integers(1, 3),
    size=st.integers(5, 12),
)
def test_a_convolution_costs_what_the_formula_says(**sizes):
    net, shape = convolution(**sizes)
    (layer,) = trace_layers(net, shape)
    out = (sizes["size"] + 2 * sizes["padding"] - sizes["k"]) // sizes["stride"] + 1
    products = sizes["c_in"] * sizes["k"] ** 2 * sizes["c_out"]
    assert layer.shape == (sizes["c_out"], out, out)
    assert layer.parameters == products + sizes["c_out"]
    assert layer.flops == 2 * products * out**2


def nested():
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU()),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


def test_depth_opens_the_blocks():
    one = [layer.name for layer in trace_layers(nested(), (1, 8, 8))]
    two = [layer.name for layer in trace_layers(nested(), (1, 8, 8), depth=2)]
    assert one == ["0", "1", "2", "3"]
    assert two == ["0.0", "0.1", "0.2", "1", "2", "3"]


def test_sums_do_not_depend_on_depth():
    net = nested()
    for value in ("parameters", "flops"):
        sums = {sum(getattr(x, value) for x in trace_layers(net, (1, 8, 8), d)) for d in (1, 2, 3)}
        assert len(sums) == 1


def test_a_network_without_numbers_is_traced_at_no_cost():
    with torch.device("meta"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(1_000_000, 1_000_000))
    assert trace_layers(net, (1, 1000, 1000))[-1].flops == 2 * 10**12


def test_tracing_leaves_the_network_as_it_was():
    net = nested()
    net(torch.randn(4, 1, 8, 8))
    before = {name: t.clone() for name, t in net.state_dict().items()}
    net.train()
    trace_layers(net, (1, 8, 8), depth=2)
    assert net[0][1].training
    assert all(t.equal(before[name]) for name, t in net.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_hooks_go_when_the_network_refuses_the_shape():
    net = nn.Sequential(nn.Linear(3, 2))
    with pytest.raises(RuntimeError):
        trace_layers(net, (4,))
    assert not net[0]._forward_hooks


def test_the_table_ends_in_the_totals(capsys):
    net = nested()
    show_layers(net, (1, 8, 8), depth=2)
    lines = capsys.readouterr().out.splitlines()
    parameters = sum(p.numel() for p in net.parameters())
    assert "4 x 8 x 8" in lines[2]
    assert lines[-1].split()[:2] == ["total", f"{parameters:,}"]


def test_a_drawing_has_a_box_for_each_layer_that_changes_something():
    draw_network(trace_layers(nested(), (1, 8, 8), depth=2), (1, 8, 8))
    words = [t.get_text() for t in plt.gca().texts]
    assert words[::2] == ["input", "Conv2d", "BatchNorm2d", "MaxPool2d", "Linear"]
    assert words[3] == "4\n8 x 8"


def test_a_graph_has_a_box_for_each_node_and_an_arrow_for_each_edge():
    draw_graph({"x": (0, 0), "conv": (1, 0), "conv ": (1, 1)}, [("x", "conv"), ("x", "conv ")])
    boxes = [t for t in plt.gca().texts if t.get_text()]
    arrows = [t for t in plt.gca().texts if not t.get_text()]
    assert [t.get_text() for t in boxes] == ["x", "conv", "conv"]
    assert len(arrows) == 2


def test_confusion_counts_shares_of_the_true_class():
    y, predictions = torch.tensor([0, 0, 0, 0, 1]), torch.tensor([0, 0, 0, 1, 1])
    show_confusion(y, predictions, labels=["a", "b", "c"])
    drawn = plt.gcf().axes[0].images[0].get_array()
    assert drawn.tolist() == [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]]


def test_mistakes_come_surest_first():
    y = torch.tensor([0, 1, 0, 1])
    scores = torch.tensor([[0.0, 1.0], [0.0, 9.0], [0.0, 5.0], [2.0, 0.0]])
    show_mistakes(torch.zeros(4, 1, 2, 2), y, scores, 3, labels=["a", "b"])
    titles = [ax.get_title() for ax in plt.gcf().axes]
    assert titles == ["a\nb?", "b\na?", "a\nb?"]


def test_mistakes_may_be_named():
    y, scores = torch.tensor([0, 1, 0]), torch.eye(3)[:, :2]
    show_mistakes(torch.zeros(3, 1, 2, 2), y, scores, [2, 0], labels=["a", "b"])
    assert [ax.get_title() for ax in plt.gcf().axes] == ["a\na?", "a\na?"]
