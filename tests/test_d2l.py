"""The book's names: all there, and each does what the book's code takes for granted."""

import inspect
import math
import re
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from helpers import d2l, init_xavier
from tools.course import ROOT

BOOK = {  # d2l-zh 2.0, PyTorch: chapter -> the names that its code uses
    "preliminaries": "plt set_axes set_figsize plot use_svg_display",
    "linear networks": """Timer synthetic_data linreg squared_loss sgd load_array plot show_images
        get_fashion_mnist_labels get_dataloader_workers load_data_fashion_mnist accuracy Accumulator
        evaluate_accuracy train_epoch_ch3 Animator train_ch3 predict_ch3""",
    "multilayer perceptrons": """evaluate_loss DATA_HUB DATA_URL download download_extract
        download_all""",
    "computation": "try_gpu try_all_gpus",
    "convolutional networks": "corr2d evaluate_accuracy_gpu train_ch6",
    "modern convolutional networks": "Residual",
    "computational performance": "Benchmark split_batch resnet18",
    "augmentation and fine-tuning": "Image train_batch_ch13 train_ch13",
    "short names": """abs arange argmax astype concat cos cosh exp eye float32 int32 linspace log
        matmul meshgrid nn_Module normal numpy ones rand reduce_sum reshape sin sinh size stack tanh
        tensor to transpose zeros""",
    "modules": "F Image data display nn np pd plt requests torch torchvision transforms",
    "the notes": "num_gpus",
}
ALIASES = BOOK["short names"].split()


SIGNATURES = {  # d2l 0.17.6's, but for the four that take more
    "use_svg_display": "()",
    "set_figsize": "(figsize=(3.5, 2.5))",
    "set_axes": "(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)",
    "plot": "(X, Y=None, xlabel=None, ylabel=None, legend=None, xlim=None, ylim=None, "
    "xscale='linear', yscale='linear', fmts=('-', 'm--', 'g-.', 'r:'), figsize=(3.5, 2.5), "
    "axes=None)",
    "Timer": "()",
    "synthetic_data": "(w, b, num_examples)",
    "linreg": "(X, w, b)",
    "squared_loss": "(y_hat, y)",
    "sgd": "(params, lr, batch_size)",
    "load_array": "(data_arrays, batch_size, is_train=True)",
    "get_fashion_mnist_labels": "(labels)",
    "show_images": "(imgs, num_rows, num_cols, titles=None, scale=1.5)",
    "get_dataloader_workers": "()",
    "load_data_fashion_mnist": "(batch_size, resize=None, *, num_train=None, num_test=None, "
    "device='cpu')",
    "accuracy": "(y_hat, y)",
    "evaluate_accuracy": "(net, data_iter)",
    "Accumulator": "(n)",
    "train_epoch_ch3": "(net, train_iter, loss, updater)",
    "Animator": "(xlabel=None, ylabel=None, legend=None, xlim=None, ylim=None, xscale='linear', "
    "yscale='linear', fmts=('-', 'm--', 'g-.', 'r:'), nrows=1, ncols=1, figsize=(3.5, 2.5))",
    "train_ch3": "(net, train_iter, test_iter, loss, num_epochs, updater)",
    "predict_ch3": "(net, test_iter, n=6)",
    "evaluate_loss": "(net, data_iter, loss)",
    "download": "(name, cache_dir=None)",
    "download_extract": "(name, folder=None)",
    "download_all": "()",
    "try_gpu": "(i=0)",
    "try_all_gpus": "()",
    "corr2d": "(X, K)",
    "evaluate_accuracy_gpu": "(net, data_iter, device=None)",
    "train_ch6": "(net, train_iter, test_iter, num_epochs, lr, device)",
    "Residual": "(input_channels=None, num_channels=None, use_1x1conv=False, strides=1)",
    "Benchmark": "(description='Done')",
    "split_batch": "(X, y, devices)",
    "resnet18": "(num_classes, in_channels=1)",
    "train_batch_ch13": "(net, X, y, loss, trainer, devices)",
    "train_ch13": "(net, train_iter, test_iter, loss, trainer, num_epochs, devices=None)",
    "num_gpus": "()",
}


def signature(function) -> str:
    found, empty = inspect.signature(function), inspect.Parameter.empty
    plain = [p.replace(annotation=empty) for p in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=empty))


def test_the_signatures_are_the_books():
    names = " ".join(BOOK.values()).split()
    ours = {name: getattr(d2l, name) for name in names if name not in ALIASES}
    ours = {name: f for name, f in ours.items() if inspect.isfunction(f) or inspect.isclass(f)}
    assert {name: signature(f) for name, f in ours.items()} == SIGNATURES


@pytest.mark.parametrize("chapter", BOOK)
def test_every_name_is_there_and_documented(chapter):
    for name in BOOK[chapter].split():
        found = getattr(d2l, name)
        assert name in dir(d2l)
        if inspect.isfunction(found) and found.__module__.startswith("helpers."):
            assert found.__doc__ or found.__module__ == "helpers.d2l.aliases", name


def test_a_name_of_another_chapter_is_refused_with_a_sentence():
    with pytest.raises(AttributeError, match=r"no 'RNNModel'; it has the names of"):
        _ = d2l.RNNModel
    assert not hasattr(d2l, "ProgressBoard")


def test_importing_it_brings_nothing_heavy_and_needs_no_d2l():
    heavy = "pandas", "torchvision", "matplotlib.pyplot", "pooch", "requests", "d2l", "IPython"
    code = f"import sys; from helpers import d2l; print(sorted(set({heavy}) & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert (run.stdout.strip(), run.stderr) == ("[]", "")


# What code relies on


def test_accuracy_is_a_count():
    scores = torch.tensor([[0.1, 0.3, 0.6], [0.3, 0.2, 0.5]])
    assert d2l.accuracy(scores, torch.tensor([2, 0])) == 1.0
    assert d2l.accuracy(torch.tensor([2, 0]), torch.tensor([2, 0])) == 2.0
    assert isinstance(d2l.accuracy(scores, torch.tensor([2, 2])), float)


def test_a_gpu_that_is_not_there_is_the_cpu():
    assert d2l.try_gpu(99) == torch.device("cpu")
    assert d2l.try_gpu() == d2l.try_all_gpus()[0]
    assert d2l.num_gpus() == sum(device.type != "cpu" for device in d2l.try_all_gpus())


def test_squared_loss_has_a_half_and_sgd_divides_by_the_batch_size():
    w = torch.tensor([1.0], requires_grad=True)
    l = d2l.squared_loss(w * torch.tensor([2.0, 4.0]), torch.tensor([[0.0], [0.0]]))
    assert l.tolist() == [2.0, 8.0]
    l.sum().backward()  # dl/dw = 2·2 + 4·4
    d2l.sgd([w], lr=0.1, batch_size=2)
    assert w.item() == pytest.approx(1 - 0.1 * 20 / 2) and w.grad.item() == 0


def test_the_short_names_are_pytorchs():
    x = torch.arange(6.0, requires_grad=True)
    assert d2l.size(x) == 6 and d2l.reshape(x, (2, 3)).shape == (2, 3)
    assert d2l.argmax(d2l.reshape(x, (2, 3)), axis=1).tolist() == [2, 2]
    assert d2l.astype(x, d2l.int32).dtype == torch.int32 and d2l.reduce_sum(x).item() == 15
    assert d2l.numpy(x).sum() == 15 and d2l.transpose(d2l.ones(2, 3)).shape == (3, 2)


def test_modules_come_with_it():
    assert d2l.plt.__name__ == "matplotlib.pyplot" and callable(d2l.Image.open)
    assert d2l.torch is torch and d2l.nn is nn and d2l.F is F


def test_a_benchmark_prints_how_long_its_block_took(capsys):
    with d2l.Benchmark("ten products"):
        pass
    with d2l.Benchmark() as benchmark:
        pass
    first, second = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"ten products: \d+\.\d{4} sec", first)
    assert second == f"Done: {benchmark.timer.times[0]:.4f} sec"


# Layers and networks


@pytest.mark.parametrize(
    "arguments, named",
    [
        ((3, 6, True, 2), {}),
        ((3, 6), dict(use_1x1conv=True, strides=2)),
        ((), dict(input_channels=3, num_channels=6, use_1x1conv=True, strides=2)),
        ((6, True, 2), {}),
        ((6, True), dict(strides=2)),
        ((6,), dict(use_1x1conv=True, strides=2)),
        ((), dict(num_channels=6, use_1x1conv=True, strides=2)),
    ],
    ids=str,
)
def test_a_residual_block_in_both_published_signatures(arguments, named):
    block = d2l.Residual(*arguments, **named)
    assert block(torch.randn(2, 3, 6, 6)).shape == (2, 6, 3, 3)
    assert block.conv3 is not None and block.conv1.in_channels == 3
    assert isinstance(block.conv1, nn.Conv2d)


def test_a_residual_block_adds_its_input():
    block = d2l.Residual(4, 4).eval()
    for conv in (block.conv1, block.conv2):
        nn.init.zeros_(conv.weight)
        nn.init.zeros_(conv.bias)
    X = torch.randn(2, 4, 5, 5)
    assert torch.equal(block(X), X.relu())


def test_resnet18_takes_classes_and_channels():
    net = d2l.resnet18(10, 3)
    assert net(torch.randn(2, 3, 16, 16)).shape == (2, 10)
    assert sum(p.numel() for p in net.parameters()) == 11_176_970
    assert [name for name, _ in net.named_children()][-2:] == ["global_avg_pool", "fc"]


def test_corr2d_slides_a_kernel_and_is_differentiable():
    X, K = torch.arange(9.0).reshape(3, 3), torch.arange(4.0).reshape(2, 2)
    assert d2l.corr2d(X, K).tolist() == [[19.0, 25.0], [37.0, 43.0]]  # the book's example
    K.requires_grad_()
    d2l.corr2d(X, K).sum().backward()
    assert K.grad.tolist() == [[8.0, 12.0], [20.0, 24.0]]


def test_xavier_passes_over_layers_that_saw_no_data():
    lazy, layer = nn.LazyLinear(3), nn.Linear(4, 300)
    nn.Sequential(lazy, layer).apply(init_xavier)
    limit = math.sqrt(6 / 304)
    assert 0.95 * limit < layer.weight.abs().max() <= limit
    assert isinstance(lazy.weight, nn.UninitializedParameter)


# Not as in d2l


def test_accuracy_compares_a_column_example_by_example():
    assert d2l.accuracy(torch.tensor([[1.0], [0.0], [1.0]]), torch.tensor([1, 0, 0])) == 2.0


def test_evaluating_leaves_the_mode_and_needs_no_parameters():
    net, batches = nn.Sequential(nn.Flatten()), [(torch.eye(3), torch.tensor([0, 1, 0]))]
    for evaluate in (d2l.evaluate_accuracy, d2l.evaluate_accuracy_gpu):
        assert evaluate(net.train(), batches) == pytest.approx(2 / 3) and net.training
    assert d2l.evaluate_accuracy_gpu(lambda X: X, batches, torch.device("cpu")) > 0.6
    with pytest.raises(ValueError, match="no batch"):
        d2l.evaluate_accuracy(net, [])


def test_a_network_may_take_a_list_of_tensors():
    batches = [([torch.eye(2), torch.eye(2)], torch.tensor([0, 1]))]
    assert d2l.evaluate_accuracy_gpu(lambda X: X[0] + X[1], batches) == 1.0


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_loss_of_a_data_set_is_right_for_every_reduction_and_last_batch(reduction):
    X, y = torch.randn(10, 3), torch.randint(3, (10,))
    net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5))
    batches = d2l.load_array((X, y), 4, is_train=False)
    found = d2l.evaluate_loss(net, batches, nn.CrossEntropyLoss(reduction=reduction))
    assert net.training and found == pytest.approx(
        F.cross_entropy(net.eval()(X), y).item(), abs=1e-6
    )
    flat = d2l.load_array((X, y.float()), 4, is_train=False)  # y (4,) and ŷ (4, 1)
    by_hand = ((X.sum(1) - y) ** 2).mean().item()
    mse = nn.MSELoss(reduction=reduction)
    assert d2l.evaluate_loss(lambda X: X.sum(1, keepdim=True), flat, mse) == pytest.approx(by_hand)


def test_a_batch_is_shared_out_also_on_cpus_and_when_it_does_not_divide():
    X, y, cpus = torch.arange(5), torch.arange(5), [torch.device("cpu")] * 4
    parts, labels = d2l.split_batch(X, y, cpus)
    assert [len(part) for part in parts] == [2, 1, 1, 1] and torch.equal(torch.cat(parts), X)
    assert [len(part) for part in labels] == [2, 1, 1, 1]
    assert [len(part) for part in d2l.split_batch(X[:2], y[:2], cpus)[0]] == [1, 1, 0, 0]
    with pytest.raises(ValueError, match="5 examples and y has 4"):
        d2l.split_batch(X, y[:4], cpus)


def test_accelerators_of_other_makers_count(monkeypatch):
    two = [torch.device("mps", 0), torch.device("xpu", 1)]
    monkeypatch.setattr("helpers.d2l.gpus.try_all_gpus", lambda: two)
    assert d2l.try_gpu(1) == two[1] and d2l.try_gpu(2).type == "cpu" and d2l.num_gpus() == 2


def test_an_accumulator_refuses_another_number_of_values():
    with pytest.raises(ValueError, match="sums 3 values"):
        d2l.Accumulator(3).add(1, 2)


def test_no_worker_processes():
    assert d2l.get_dataloader_workers() == 0
