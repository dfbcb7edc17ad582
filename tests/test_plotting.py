"""Animator, digests and saved figures, in a script and in a kernel."""

import subprocess
import sys
import time
from io import BytesIO

import matplotlib
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import pyplot as plt
from PIL import Image

from helpers import Animator, digest, plot, read_digest, save_figure, show_images
from helpers.figures import shrink_png
from tests.kernel import run_cells

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def no_figure_left():
    yield
    plt.close("all")


def test_history_is_public_and_leaves_out_none():
    animator = Animator(legend=["train", "test"])
    animator.add(1, (0.5, None))
    animator.add(2, (torch.tensor(0.25), 0.75))
    assert animator.X == [[1, 2], [2]]
    assert animator.Y == [[0.5, 0.25], [0.75]]


def test_one_curve_may_be_a_plain_number():
    animator = Animator()
    for x in range(3):
        animator.add(x, x**2)
    animator.add(3, torch.tensor(9.0))  # has a __len__, and no length
    assert animator.Y == [[0, 1, 4, 9]]


@settings(max_examples=10, deadline=None)
@given(n=st.integers(1, 12))
def test_any_number_of_curves_each_told_apart(n):
    animator = Animator(legend=[f"c{i}" for i in range(n)])
    animator.add(0, range(n))
    animator.add(1, range(n))
    lines = animator.fig.axes[0].lines
    assert [line.get_ydata()[-1] for line in lines] == list(range(n))
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == n
    assert len(animator.fig.axes[0].get_legend().get_texts()) == n


def test_the_axes_grow_with_the_curves_unless_limits_are_given():
    free, fixed = Animator(), Animator(xlim=(0, 5), ylim=(0, 1))
    for animator in (free, fixed):
        for x in range(1, 11):
            animator.add(x, 100 * x)
    ax = free.fig.axes[0]
    assert ax.get_xlim()[0] < 1 and ax.get_xlim()[1] > 10 and ax.get_ylim()[1] > 1000
    assert fixed.fig.axes[0].get_xlim() == (0, 5) and fixed.fig.axes[0].get_ylim() == (0, 1)


def test_labels_stay_as_points_come_in():
    animator = Animator(xlabel="epoch", ylabel="loss", legend=["train"], yscale="log")
    for x in range(1, 4):
        animator.add(x, [1 / x])
    ax = animator.fig.axes[0]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_yscale()) == ("epoch", "loss", "log")


@pytest.mark.parametrize("values", [(1,), (1, 2, 3), 5])
def test_a_changed_number_of_curves_is_one_sentence_and_no_point(values):
    animator = Animator()
    animator.add(0, (1, 2))
    with pytest.raises(ValueError, match="draws 2 curves"):
        animator.add(1, values)
    assert animator.X == [[0], [0]]


def test_a_legend_of_another_length_is_one_sentence():
    with pytest.raises(ValueError, match="names 2 curves"):
        Animator(legend=["a", "b"]).add(0, (1, 2, 3))


def test_leaves_no_figure_open():
    for _ in range(25):
        Animator().add(0, 1)
    assert plt.get_fignums() == []


def test_works_in_a_plain_script_without_a_display(tmp_path):
    script = (
        "from helpers import Animator, save_figure\n"
        "a = Animator(xlabel='x')\n"
        "for i in range(1000): a.add(i, (i, -i, 2 * i))\n"
        "save_figure('a.svg', a.fig)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], cwd=tmp_path, capture_output=True, text=True
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
    assert "1000 points" in read_digest(tmp_path / "figures" / "a.svg")


def test_in_a_kernel_a_thousand_points_give_one_up_to_date_figure_in_little_time():
    nb = run_cells(
        "from helpers import Animator, digest\na = Animator(legend=['x', 'y', 'z'])",
        "for i in range(1000): a.add(i, (i, -i, 2 * i))",
        "a.add(1000, (0, 0, 7))",
        "print(digest(a.fig)); len(a.X[0])",
    )
    thousand, one_more, text = (cell.outputs for cell in nb.cells[1:])
    for outputs, points in ((thousand, 1000), (one_more, 1001)):
        assert len(outputs) == 1 and outputs[0].output_type == "display_data"
        assert f"'x': {points} points" in outputs[0].data["text/plain"]
        assert outputs[0].data["image/png"]
    assert one_more[0].data["text/plain"] == text[0].text.strip()
    assert text[1].data["text/plain"] == "1001"


def test_points_are_cheap():
    animator = Animator()
    start = time.perf_counter()
    for i in range(1000):
        animator.add(i, (i, i, i))
    animator.fig.savefig("/dev/null", format="png") if sys.platform != "win32" else None
    assert time.perf_counter() - start < 10  # the bar; measured 0.1 s


def test_digest_tells_curves_apart():
    def figure(**kwargs):
        fig, ax = plt.subplots()
        ax.plot(kwargs.get("x", [1, 2, 3]), kwargs.get("y", [0.5, 0.1, 0.9]), label="loss")
        ax.set_xlabel(kwargs.get("xlabel", "epoch"))
        return digest(fig)

    assert figure() == figure()
    changed = [
        dict(y=[0.5, 0.1, 0.8]),
        dict(y=[0.5, 0.2, 0.9]),
        dict(x=[1, 2, 4]),
        dict(xlabel="x"),
    ]
    changed.append(dict(x=[1, 2], y=[0.5, 0.9]))
    assert len({figure(**kwargs) for kwargs in changed} | {figure()}) == len(changed) + 1


def test_digest_reads_images_bars_points_and_texts():
    fig, axes = plt.subplots(1, 4)
    axes[0].imshow(np.array([[0.0, 0.5], [0.5, 1.0]]))
    axes[1].bar([0, 1], [3, 4])
    axes[2].scatter([0, 1], [2, 5])
    axes[3].text(0, 0, "hello")
    text = digest(fig)
    assert "image (2, 2): mean 0.5 min 0.0 max 1.0 tilt 0.25" in text
    assert "rectangles: 2, heights first 3.0 last 4.0 mean 3.5" in text
    assert "PathCollection: 4 values, mean 2.0 min 0.0 max 5.0" in text
    axes[3].fill([0, 1, 1], [0, 0, 3])
    assert "texts: hello" in text and "shapes: 1, mean 0.625" in digest(fig)


def test_digest_of_gaps_and_of_nothing():
    fig, (left, right) = plt.subplots(1, 2)
    left.plot([0, 1, 2], [1.0, float("nan"), 3.0])
    right.plot([], [])
    assert "3 points" in digest(fig) and "max 3.0 " in digest(fig) and "0 points" in digest(fig)


@pytest.mark.parametrize("name", ["a.svg", "a.png"])
def test_a_saved_figure_holds_its_digest_and_is_the_same_twice(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COURSE_OUT", raising=False)
    plot([0, 1, 2], [[1, 2, 3], [3, 2, 1]], "x & y", "<f>", legend=["up", "down"])
    save_figure(name)
    path = tmp_path / "figures" / name
    assert read_digest(path) == digest(plt.gcf())
    first = path.read_bytes()
    plt.close("all")
    plot([0, 1, 2], [[1, 2, 3], [3, 2, 1]], "x & y", "<f>", legend=["up", "down"])
    save_figure(name)
    assert path.read_bytes() == first


def test_a_plot_is_stored_in_a_third_of_the_size_and_looks_the_same():
    plot([0, 1, 2], [[1, 2, 3], [3, 2, 1]], "x", "y", legend=["up", "down"])
    drawn = BytesIO()
    plt.gcf().savefig(drawn, format="png", metadata={"Description": "two lines"})
    small = shrink_png(drawn.getvalue())
    assert len(small) < len(drawn.getvalue()) / 2
    with Image.open(drawn) as before, Image.open(BytesIO(small)) as after:
        assert after.info["Description"] == "two lines"
        old, new = (np.asarray(image.convert("RGB"), float) for image in (before, after))
    assert abs(old - new).mean() < 0.5  # of 255


def test_a_photograph_keeps_every_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (150, 150, 3), dtype=np.uint8)
    drawn = BytesIO()
    Image.fromarray(pixels).save(drawn, "PNG")
    with Image.open(BytesIO(shrink_png(drawn.getvalue()))) as after:
        assert np.array_equal(after, pixels)


def test_figures_of_a_run_go_where_the_runner_says(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OUT", str(tmp_path))
    plot([1, 2])
    save_figure("b.png")
    assert (tmp_path / "figures" / "b.png").exists()


def test_a_name_without_a_format_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"\.svg or \.png"):
        save_figure("curve")
    assert list(tmp_path.iterdir()) == []


def test_read_digest_of_other_files_is_none(tmp_path):
    other = tmp_path / "a.svg"
    other.write_text("<svg/>", encoding="utf-8")
    assert read_digest(other) is None and read_digest(tmp_path / "missing.png") is None


def test_plot_takes_one_curve_several_or_none_for_x():
    plot([3, 1, 2])
    plot(torch.arange(3), [torch.ones(3), torch.zeros(3)], legend=["a", "b"])
    plot([torch.tensor(3.0), torch.tensor(1.0)])
    first, second, third = (plt.figure(n).axes[0].lines for n in plt.get_fignums())
    assert first[0].get_xdata().tolist() == [0, 1, 2] and len(second) == 2
    assert [line.get_ydata().tolist() for line in third] == [[3, 1]]


@pytest.mark.parametrize("shape", [(5, 4), (1, 5, 4), (3, 5, 4), (5, 4, 3)])
@pytest.mark.parametrize("kind", [torch.uint8, torch.int32, torch.int64, torch.float32])
def test_show_images_takes_grey_and_colour(shape, kind):
    images = torch.ones(2, *shape).to(kind)
    show_images(images, 1, 3, titles=["a", "b"])
    axes = plt.gcf().axes
    assert [len(ax.images) for ax in axes] == [1, 1, 0]
    assert [ax.get_title() for ax in axes] == ["a", "b", ""]
    assert axes[0].images[0].get_clim() == (0, 1 if kind == torch.float32 else 255)
