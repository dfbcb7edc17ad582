"""The book's plots: what its code relies on, and the defects that are gone."""

import json

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from helpers import d2l
from tests.kernel import run_cells

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figure_left():
    yield
    plt.close("all")


def test_plot_draws_into_the_current_axes_and_clears_them():
    _, (left, right) = plt.subplots(1, 2)
    d2l.plot([0, 1], [[0, 1], [1, 0]], "x", "f(x)", legend=["f", "g"], xlim=[0, 2], yscale="log")
    d2l.plot(torch.arange(3.0, requires_grad=True), axes=left)
    d2l.plot(np.arange(3), axes=left)
    assert len(left.lines) == 1 and [*left.lines[0].get_xdata()] == [0, 1, 2]
    assert [text.get_text() for text in right.get_legend().get_texts()] == ["f", "g"]
    assert right.get_xlabel() == "x" and right.get_yscale() == "log" and right.get_xlim() == (0, 2)


def test_plot_draws_a_fifth_curve():
    d2l.plot([0, 1], [[i, i] for i in range(5)], legend=["only", "two"])
    axes = plt.gca()
    assert len(axes.lines) == 5 and len(axes.get_legend().get_texts()) == 2
    assert tuple(plt.gcf().get_size_inches()) == (3.5, 2.5)


def test_set_axes_keeps_the_grid_when_called_again():
    axes = plt.gca()
    for _ in range(2):
        d2l.set_axes(axes, "x", "y", [0, 1], None, "linear", "linear", None)
    assert axes.xaxis.get_gridlines()[0].get_visible()


def test_set_figsize_counts_for_the_figures_to_come():
    d2l.set_figsize((6, 4.5))
    assert tuple(plt.figure().get_size_inches()) == (6, 4.5)


def test_show_images_returns_its_axes_row_by_row():
    images = torch.rand(6, 28, 28)
    axes = d2l.show_images(images, 2, 3, titles=[*"abcdef"], scale=1)
    assert axes.shape == (6,) and [ax.get_title() for ax in axes] == [*"abcdef"]
    assert np.allclose(axes[4].images[0].get_array(), images[4])


def test_show_images_shows_grey_as_grey_colour_first_or_last_and_one_alone():
    assert d2l.show_images(torch.rand(1, 28, 28), 1, 1)[0].images[0].get_cmap().name == "gray"
    (ax,) = d2l.show_images(torch.rand(1, 3, 8, 9), 1, 1)
    assert ax.images[0].get_array().shape == (8, 9, 3)


def test_show_images_shows_the_same_grey_whatever_else_is_in_an_image():
    dim = torch.full((1, 4, 4), 0.2)
    assert d2l.show_images(dim, 1, 1)[0].images[0].get_clim() == (0, 1)
    for dtype in (torch.uint8, torch.int32, torch.int64):
        assert d2l.show_images((dim * 255).to(dtype), 1, 1)[0].images[0].get_clim() == (0, 255)


def test_an_animator_keeps_the_history_for_each_curve():
    animator = d2l.Animator("epoch", "test acc", xlim=[1, 10], legend=["train", "test"])
    animator.add(1, (0.5, None))
    animator.add([2, 3], [0.25, 0.75])
    assert (animator.X, animator.Y) == ([[1, 2], [3]], [[0.5, 0.25], [0.75]])
    assert animator.axes[0].get_xlabel() == "epoch" and animator.axes[0].get_xlim() == (1, 10)
    single = d2l.Animator()
    assert single.X == single.Y == []
    single.add(1, 0.5)
    assert single.Y == [[0.5]]
    single.add(torch.tensor(2), torch.tensor(1.0))  # each has a __len__, and no length
    assert (single.X, single.Y) == ([[1, 2]], [[0.5, 1]])


def test_an_animator_draws_outside_a_notebook_every_curve_and_leaves_no_figure_open():
    animator = d2l.Animator(legend=["one", "two"])  # fewer names than curves
    for x in range(3):
        animator.add(x, range(6))
    axes = animator.fig.axes[0]
    assert [len(line.get_xdata()) for line in axes.lines] == [3] * 6
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["one", "two"]
    assert plt.get_fignums() == []
    with pytest.raises(ValueError, match="draws 6 curves"):
        animator.add(4, (1, 2))


def test_an_animator_in_a_grid_has_flat_axes_and_draws_into_the_first():
    animator = d2l.Animator(nrows=2, ncols=2)
    animator.add(0, (1, 2))
    assert [len(axes.lines) for axes in animator.axes] == [2, 0, 0, 0]
    corners = {(round(b.x0, 2), round(b.y0, 2)) for b in (a.get_position() for a in animator.axes)}
    assert len(corners) == 4


@pytest.mark.filterwarnings("error")
def test_limits_of_a_single_epoch_are_no_warning():
    d2l.Animator(xlim=[1, 1]).add(1, 0.5)


def test_in_a_notebook_figures_are_svg_and_still_have_their_digest():
    nb = run_cells(
        "from helpers import d2l\na = d2l.Animator()\nfor x in range(9): a.add(x, x)",
        "d2l.plot([0, 1], [2, 3])",
    )
    for cell in nb.cells:
        (output,) = cell.outputs
        assert "image/svg+xml" in output.data, json.dumps(output)[:300]
        assert "image/png" not in output.data  # drawn once
        assert output.data["text/plain"].startswith("Figure 3.5 x 2.5 in")
