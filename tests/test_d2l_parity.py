"""helpers.d2l beside the real d2l 0.17.6: the same inputs, the same results.

Wherever d2l is right, that is; what it gets wrong is in the other tests of helpers.d2l.
"""

import copy
import inspect
import re
from contextlib import suppress

import matplotlib
import numpy as np
import pytest
import torch
from torch import nn

from helpers import d2l
from tools.bench import unpack_for_d2l

matplotlib.use("Agg")
CPU = torch.device("cpu")

MORE_GENERAL = {  # signatures that take more than the book's, each with its reason in a docstring
    "Residual": "both published signatures",
    "load_data_fashion_mnist": "keywords for the size and the device",
    "train_ch13": "devices are looked for when it is called",
    "download": "the course's data folder",
}


@pytest.fixture(scope="module")
def real():
    found = pytest.importorskip(
        "d2l.torch", reason="d2l is missing: pip install --no-deps -r requirements-d2l.txt"
    )
    found.display.display = found.display.clear_output = lambda *args, **kwargs: None
    found.use_svg_display = lambda: None  # it would start an IPython shell
    yield found
    found.plt.close("all")


@pytest.fixture
def both(real):
    return d2l, real


def classification(n=60, seed=0):
    generator = torch.Generator().manual_seed(seed)
    X = torch.rand(n, 1, 28, 28, generator=generator)
    return X, torch.randint(10, (n,), generator=generator)


def new_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 12), nn.ReLU(), nn.Linear(12, 10))


def same_weights(one, other):
    one, other = one.state_dict(), other.state_dict()
    assert one.keys() == other.keys()
    return all(torch.allclose(one[name], other[name], atol=1e-5) for name in one)


def test_no_name_of_the_books_first_half_is_missing(real):
    """The real one has its names in the order of the book, and short names at the end."""
    source = inspect.getsource(real)
    half, rest = source.split("def read_time_machine", 1)
    gpus_to_fine_tuning = rest[rest.index("class Benchmark") : rest.index("def box_corner")]
    code = half + gpus_to_fine_tuning + rest[rest.index("# Alias") :]
    names = {"".join(n) for n in re.findall(r"^(?:def|class) (\w+)|^(\w+) =", code, re.M)} - {"d2l"}
    assert len(names) > 65 and {"Benchmark", "train_ch13"} <= names <= {*dir(d2l)}


def test_signatures(real):
    compared = 0
    for name in dir(d2l):
        ours, theirs = getattr(d2l, name), getattr(real, name, None)
        if not (inspect.isfunction(theirs) or inspect.isclass(theirs)) or name.startswith("_"):
            continue
        ours, theirs = (inspect.signature(f).parameters for f in (ours, theirs))
        assert [*ours][: len(theirs)] == [*theirs], name
        if name not in MORE_GENERAL:
            defaults = {p: theirs[p].default for p in theirs}
            assert {p: ours[p].default for p in ours} == defaults, name
        compared += 1
    assert compared > 35


@pytest.mark.parametrize("name", ["Accumulator", "Animator", "Benchmark", "Residual", "Timer"])
def test_methods(real, name):
    theirs = {n: f for n, f in vars(getattr(real, name)).items() if inspect.isfunction(f)}
    assert len(theirs) > 1
    for method, function in theirs.items():
        ours = inspect.signature(getattr(getattr(d2l, name), method)).parameters.values()
        theirs = inspect.signature(function).parameters.values()
        if method.startswith("__"):  # called by position
            assert method == "__init__" or len(ours) == len(theirs), method
        else:
            assert [*map(kind, ours)] == [*map(kind, theirs)], method


def kind(p):
    """A parameter without its annotation; nobody can call *args by name."""
    return p.kind, p.default, None if p.kind == p.VAR_POSITIONAL else p.name


def test_every_name_of_the_real_one_that_is_here_is_of_the_same_kind(real):
    for name in dir(d2l):
        if hasattr(real, name) and not name.startswith("_"):
            assert callable(getattr(d2l, name)) == callable(getattr(real, name)), name


def test_the_linear_regression_of_chapter_3(both):
    runs = []
    for lib in both:
        torch.manual_seed(3)
        X, y = lib.synthetic_data(torch.tensor([2, -3.4]), 4.2, 40)
        w, b = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
        for xb, yb in lib.load_array((X, y), 15, is_train=False):
            lib.squared_loss(lib.linreg(xb, w, b), yb).sum().backward()
            lib.sgd([w, b], 0.03, len(xb))
        runs.append(torch.cat([X.flatten(), y.flatten(), w.flatten(), b]))
    assert torch.allclose(*runs)


@pytest.mark.parametrize("resize", [None, 40])
def test_fashion_mnist(real, resize, tmp_path, monkeypatch):
    unpack_for_d2l(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(real, "get_dataloader_workers", lambda: 0)
    ours, theirs = (lib.load_data_fashion_mnist(64, resize) for lib in (d2l, real))
    assert [len(it) for it in ours] == [len(it) for it in theirs]
    (X, y), (A, b) = next(iter(ours[1])), next(iter(theirs[1]))
    assert X.shape == A.shape and X.dtype == A.dtype and y.dtype == b.dtype
    assert torch.equal(y, b) and (X - A).abs().max() < (1.01 / 255 if resize else 1e-7)
    assert d2l.get_fashion_mnist_labels(y) == real.get_fashion_mnist_labels(b)


def test_measures(both):
    X, y = classification()
    scores, net = torch.randn(60, 10), new_net()
    found = []
    for lib in both:
        batches = lib.load_array((X, y), 25, is_train=False)
        regression = lib.load_array((X.flatten(1), y.float()), 25, is_train=False)
        found.append(
            [
                lib.accuracy(scores, y),
                lib.accuracy(scores.argmax(1), y),
                lib.evaluate_accuracy(net, batches),
                lib.evaluate_accuracy_gpu(net, batches),
                lib.evaluate_accuracy_gpu(lambda X: net(X), batches, CPU),
                lib.evaluate_loss(
                    lambda X: X.sum(1, keepdim=True), regression, nn.MSELoss(reduction="none")
                ),
            ]
        )
    assert found[0] == pytest.approx(found[1], rel=1e-6)


@pytest.mark.parametrize("by_hand", [False, True])
def test_an_epoch_of_chapter_3(both, by_hand):
    nets, found = [], []
    for lib in both:
        net = new_net()
        updater = torch.optim.SGD(net.parameters(), lr=0.1)
        if by_hand:
            updater = lambda n, lib=lib, net=net: lib.sgd(net.parameters(), 0.1, n)  # noqa: E731
        loss = nn.CrossEntropyLoss(reduction="none")
        batches = lib.load_array(classification(), 25, is_train=False)
        found.append(lib.train_epoch_ch3(net, batches, loss, updater))
        nets.append(net)
    assert found[0] == pytest.approx(found[1], abs=1e-6) and same_weights(*nets)


def test_training_of_chapter_3(both):
    nets = []
    for lib in both:
        net = new_net()
        batches = lib.load_array(classification(), 25, is_train=False)
        loss = nn.CrossEntropyLoss(reduction="none")
        with suppress(AssertionError):  # theirs, about the loss it wants
            lib.train_ch3(net, batches, batches, loss, 2, torch.optim.SGD(net.parameters(), 0.1))
        nets.append(net)
    assert same_weights(*nets)


def last_line_but_one(capsys) -> str:
    return capsys.readouterr().out.splitlines()[-2]


def test_training_of_chapter_6(both, capsys):
    nets, lines = [], []
    for lib in both:
        net = new_net()
        torch.manual_seed(5)  # of Xavier's weights
        batches = lib.load_array(classification(), 10, is_train=False)
        lib.train_ch6(net, batches, batches, 2, 0.1, CPU)
        nets.append(net)
        lines.append(last_line_but_one(capsys))
    assert lines[0] == lines[1] and same_weights(*nets)


def test_training_of_chapter_13(both, capsys):
    nets, lines = [], []
    for lib in both:
        net = new_net()
        trainer = torch.optim.Adam(net.parameters(), lr=1e-3)
        batches = lib.load_array(classification(), 10, is_train=False)
        loss = nn.CrossEntropyLoss(reduction="none")
        lib.train_ch13(net, batches, batches, loss, trainer, 2, [CPU])
        nets.append(net)
        lines.append(last_line_but_one(capsys))
    assert lines[0] == lines[1] and same_weights(*nets)


def test_layers_and_networks_take_each_others_weights(both):
    X = torch.randn(2, 3, 16, 16)
    ours, theirs = (lib.resnet18(10, 3) for lib in both)
    ours.load_state_dict(theirs.state_dict())
    assert torch.allclose(ours.eval()(X), theirs.eval()(X), atol=1e-5)
    for arguments in [(3, 3), (3, 8, True, 2)]:
        ours, theirs = (lib.Residual(*arguments) for lib in both)
        ours.load_state_dict(copy.deepcopy(theirs.state_dict()))
        assert torch.allclose(ours(X), theirs(X), atol=1e-6)
    X, K = torch.randn(7, 9), torch.randn(3, 2)
    assert torch.allclose(d2l.corr2d(X, K), both[1].corr2d(X, K), atol=1e-6)


def lines_of(axes):
    return [np.column_stack(line.get_data()).tolist() for line in axes.lines]


def looks(axes):
    legend = axes.get_legend()
    names = legend and [text.get_text() for text in legend.get_texts()]
    return axes.get_xlabel(), axes.get_ylabel(), axes.get_xlim(), axes.get_yscale(), names


def test_plots(both):
    found = []
    for lib in both:
        x = np.arange(0.1, 3, 0.1)
        lib.plt.close("all")
        lib.plot(x, [x**2, 2 * x], "x", "f(x)", ["f", "g"], [0, 3], yscale="log", figsize=(4, 3))
        axes, size = lib.plt.gca(), lib.plt.gcf().get_size_inches().tolist()
        lib.plt.figure()
        lib.plot([[1, 2], [3, 4]])
        found.append((lines_of(axes), looks(axes), size, lines_of(lib.plt.gca())))
    assert found[0] == found[1]


def test_animators(both):
    found = []
    for lib in both:
        animator = lib.Animator("epoch", "loss", ["train", "test"], [1, 5], yscale="log")
        for epoch in range(1, 6):
            animator.add(epoch, (1 / epoch, None))
            animator.add([epoch, epoch + 0.5], [None, epoch])
        (axes,) = animator.axes
        assert animator.fig is axes.figure
        size = animator.fig.get_size_inches().tolist()
        found.append((animator.X, animator.Y, lines_of(axes), looks(axes), size))
    assert found[0] == found[1]


def test_images_and_predictions(both):
    X, y = classification()
    net, found = new_net(), []
    for lib in both:
        axes = lib.show_images(X[:6, 0], 2, 3, titles=[*"abcdef"])
        shown = [ax.images[0].get_array().tolist() for ax in axes]
        size = lib.plt.gcf().get_size_inches()[0]
        lib.predict_ch3(net, lib.load_array((X, y), 20, is_train=False), n=4)
        titles = [ax.get_title() for ax in lib.plt.gcf().axes]
        found.append(([ax.get_title() for ax in axes], shown, size, titles))
    assert found[0] == found[1]


def test_devices(both):
    accelerator = torch.accelerator.current_accelerator()
    if accelerator is not None and accelerator.type != "cuda":
        pytest.skip(f"the real d2l does not know {accelerator.type}")
    found = [([lib.try_gpu(i) for i in (0, 1, 99)], lib.try_all_gpus()) for lib in both]
    assert found[0] == found[1]


def test_the_hub(real):
    for name, (url, sha1) in d2l.DATA_HUB.items():
        assert (url.replace("https:", "http:"), sha1) == real.DATA_HUB[name]


def test_short_names_and_clocks(both):
    found = []
    for lib in both:
        timer, metric = lib.Timer(), lib.Accumulator(2)
        timer.times = [1.0, 3.0]
        metric.add(1, torch.tensor(2))
        x = lib.arange(6.0)
        values = [lib.size(x), lib.reduce_sum(x), lib.argmax(x), lib.exp(x), lib.concat((x, x))]
        values += [lib.numpy(x), lib.transpose(lib.reshape(x, (2, 3))), lib.astype(x, lib.int32)]
        values += [timer.avg(), timer.sum(), timer.cumsum(), metric[1], lib.abs(-x), lib.to(x, CPU)]
        found.append([torch.as_tensor(value).tolist() for value in values])
    assert found[0] == found[1]
