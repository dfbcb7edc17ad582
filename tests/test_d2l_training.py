"""The book's train loops: their contracts, and the defects that are gone."""

import copy
import re
import time
import warnings

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import d2l, plotting

CPU = torch.device("cpu")
X = torch.rand(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y = (X.flatten(1).argmax(1) % 3).long()


def data(batch_size=20, shuffle=False):
    return d2l.load_array((X, Y), batch_size, is_train=shuffle)


def new_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 3))


def by_sgd(net, lr=0.1):
    return torch.optim.SGD(net.parameters(), lr=lr)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_an_epoch_of_chapter_3_is_right_for_every_reduction(reduction):
    net, twin = new_net(), new_net()
    loss = nn.CrossEntropyLoss(reduction=reduction)
    found = d2l.train_epoch_ch3(net, data(), loss, by_sgd(net))
    total, right, optimizer = 0.0, 0, by_sgd(twin)
    for xb, yb in data():
        scores = twin(xb)
        optimizer.zero_grad()
        F.cross_entropy(scores, yb).backward()
        optimizer.step()
        total += F.cross_entropy(scores, yb, reduction="sum").item()
        right += (scores.argmax(1) == yb).sum().item()
    assert found == pytest.approx((total / 50, right / 50), abs=1e-6)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_an_update_by_hand_gets_the_gradient_of_the_sum_for_every_reduction(reduction):
    """d2l takes `loss(...).sum()`, which is a mean where the reduction is 'mean'."""
    net, twin = new_net(), new_net()

    def updater(batch_size):
        d2l.sgd(net.parameters(), 0.1, batch_size)

    d2l.train_epoch_ch3(net, data(), nn.CrossEntropyLoss(reduction=reduction), updater)
    d2l.train_epoch_ch3(twin, data(), nn.CrossEntropyLoss(), by_sgd(twin))
    assert torch.allclose(net[1].weight, twin[1].weight, atol=1e-6)


def test_an_epoch_without_data_is_one_sentence():
    net = new_net()
    with pytest.raises(ValueError, match="nothing to train on: train_iter has no batch"):
        d2l.train_epoch_ch3(net, [], nn.CrossEntropyLoss(), by_sgd(net))


def test_an_epoch_of_a_regression_has_no_accuracy():
    batches = d2l.load_array((torch.randn(9, 2), torch.randn(9, 1)), 4)
    net = nn.Linear(2, 1)
    loss, share = d2l.train_epoch_ch3(net, batches, nn.MSELoss(reduction="none"), by_sgd(net))
    assert loss > 0 and share == 0


def test_chapter_3_trains_from_scratch_whatever_the_loss_is():
    """d2l's `train_ch3` ends with `assert train_loss < 0.5`."""
    W, b = torch.zeros(64, 3, requires_grad=True), torch.zeros(3, requires_grad=True)

    def net(X):
        return (X.reshape(-1, 64) @ W + b).softmax(1)

    def cross_entropy(y_hat, y):
        return -torch.log(y_hat[range(len(y_hat)), y])

    def updater(batch_size):
        return d2l.sgd([W, b], 0.1, batch_size)

    assert d2l.train_ch3(net, data(), data(), cross_entropy, 2, updater) is None
    assert W.abs().max() > 0


def test_chapter_3_prints_a_line_per_epoch_outside_notebooks_and_needs_a_length(capsys):
    net, loss = new_net(), nn.CrossEntropyLoss()
    d2l.train_ch3(net, data(), data(), loss, 2, by_sgd(net))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    with pytest.raises(TypeError, match=r"len\(\)"):
        d2l.train_ch3(net, iter(data()), data(), loss, 1, by_sgd(net))


def test_a_loss_that_is_no_number_ends_each_training():
    net, loss = new_net(), nn.CrossEntropyLoss()
    bad, sgd = d2l.load_array((X * float("nan"), Y), 20), by_sgd(net)
    for training in (
        lambda: d2l.train_ch3(net, bad, data(), loss, 1, sgd),
        lambda: d2l.train_ch6(net, bad, data(), 1, 0.1, CPU),
        lambda: d2l.train_ch13(net, bad, data(), loss, sgd, 1, [CPU]),
    ):
        with pytest.raises(RuntimeError, match="no finite number any more in epoch 1, batch 1"):
            training()


def test_predictions_are_shown_with_labels_for_any_size_and_mode():
    net = new_net().train()
    d2l.predict_ch3(net, data(), n=4)
    axes = d2l.plt.gcf().axes
    labels = d2l.get_fashion_mnist_labels
    with torch.no_grad():
        expected = zip(labels(Y[:4]), labels(net(X[:4]).argmax(1)), strict=True)
    assert [ax.get_title() for ax in axes] == [f"{true}\n{taken}" for true, taken in expected]
    assert net.training
    d2l.predict_ch3(net, data(batch_size=2), n=6)
    assert len(d2l.plt.gcf().axes) == 2
    d2l.predict_ch3(lambda X: X @ torch.ones(64, 3), [(X.flatten(1), Y)], n=3)
    assert d2l.plt.gcf().axes[0].images[0].get_array().shape == (8, 8)
    d2l.plt.close("all")


def test_chapter_6_sets_new_weights_trains_and_reports(capsys):
    net = new_net()
    nn.init.constant_(net[1].weight, 7.0)
    d2l.train_ch6(net, data(), data(), num_epochs=1, lr=0.0, device=CPU)
    assert net[1].weight.abs().max() < 1  # Xavier's: published, though it wipes what it is given
    first, *_, result, speed = capsys.readouterr().out.splitlines()
    assert first == "training on cpu"
    assert result.startswith("loss ") and ", train acc " in result and ", test acc " in result
    assert speed.endswith(" examples/sec on cpu")


def test_chapter_6_needs_no_five_batches():
    """d2l divides by `num_batches // 5`."""
    d2l.train_ch6(new_net(), data(50), data(50), 1, 0.1, CPU)


def test_a_batch_of_chapter_13_follows_the_sum():
    net, twin = new_net(), new_net()
    loss = nn.CrossEntropyLoss(reduction="none")
    total, right = d2l.train_batch_ch13(net, X, Y, loss, by_sgd(net, 1e-3), [CPU])
    optimizer, scores = by_sgd(twin, 1e-3), twin(X)
    expected = F.cross_entropy(scores, Y, reduction="sum")
    expected.backward()
    optimizer.step()
    assert total.item() == pytest.approx(expected.item()) and not total.requires_grad
    assert right == (scores.argmax(1) == Y).sum().item()
    assert torch.allclose(net[1].weight, twin[1].weight)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_a_batch_of_chapter_13_reports_the_sum_for_every_reduction(reduction):
    net = new_net()
    expected = F.cross_entropy(net(X), Y, reduction="sum").item()
    loss = nn.CrossEntropyLoss(reduction=reduction)
    total, _ = d2l.train_batch_ch13(net, X, Y, loss, by_sgd(net, 0.0), [CPU])
    assert float(total) == pytest.approx(expected, rel=1e-5)


def test_a_batch_of_chapter_13_may_be_a_list():
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = new_net()

        def forward(self, X):
            return self.net(X[0] + X[1])

    net, loss = Sum(), nn.CrossEntropyLoss(reduction="none")
    total, _ = d2l.train_batch_ch13(net, [X, X], Y, loss, by_sgd(net), [CPU])
    assert total > 0


def test_chapter_13_trains_with_few_batches_on_the_devices_that_are_there(capsys):
    net = new_net()
    before = copy.deepcopy(net.state_dict())
    loss = nn.CrossEntropyLoss(reduction="none")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        d2l.train_ch13(net, data(25), data(), loss, by_sgd(net, 1e-3), 2)
    assert not torch.equal(net.state_dict()["1.weight"], before["1.weight"])
    *_, result, speed = capsys.readouterr().out.splitlines()
    assert result.startswith("loss 1.") and speed.endswith(f"examples/sec on {d2l.try_all_gpus()}")


def test_chapter_13_needs_no_dataparallel_for_one_device_and_names_it(capsys, monkeypatch):
    monkeypatch.setattr(nn, "DataParallel", None)
    net, loss = new_net(), nn.CrossEntropyLoss(reduction="none")
    d2l.train_ch13(net, data(), data(), loss, by_sgd(net, 1e-3), 1, [torch.device("cpu", 0)])
    epoch, _, speed = capsys.readouterr().out.splitlines()
    assert epoch.startswith("epoch 1/1: ") and epoch.endswith("examples/s on cpu:0")
    assert speed.endswith(" examples/sec on [device(type='cpu', index=0)]")


def test_chapter_13_looks_for_devices_when_it_is_called(monkeypatch):
    monkeypatch.setattr("helpers.d2l.loops.try_all_gpus", lambda: [torch.device("meta")])
    with pytest.raises((NotImplementedError, RuntimeError)):
        net = new_net()
        d2l.train_ch13(net, data(), data(), nn.CrossEntropyLoss(), by_sgd(net), 1)


class SlowLoader(list):
    """Batches that come after 0.2 seconds each."""

    def __iter__(self):
        for batch in super().__iter__():
            time.sleep(0.2)
            yield batch


def test_the_speed_counts_the_loading_of_data(capsys):
    """d2l starts the clock when it has the batch."""
    slow, net = SlowLoader(data(25)), new_net()
    d2l.train_ch6(net, slow, data(), 1, 0.1, CPU)
    loss = nn.CrossEntropyLoss(reduction="none")
    d2l.train_ch13(net, slow, data(), loss, by_sgd(net, 1e-3), 1, [CPU])
    speeds = re.findall(r"(\S+) examples/sec", capsys.readouterr().out)
    assert len(speeds) == 2 and all(float(speed) <= 50 / 0.4 for speed in speeds)


def test_curves_have_points_within_an_epoch_and_an_axis_that_holds_them(monkeypatch):
    drawn = []

    class Seen(plotting.Animator):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            drawn.append(self)

    monkeypatch.setattr("helpers.training.Animator", Seen)
    net, loss = new_net(), nn.CrossEntropyLoss(reduction="none")
    d2l.train_ch3(net, data(5), data(), loss, 1, by_sgd(net))
    d2l.train_ch13(net, data(5), data(), loss, by_sgd(net, 0.0), 1, [CPU])
    for animator in drawn:
        assert [len(x) for x in animator.X] == [5, 5, 1]
        low, high = animator.fig.axes[0].get_ylim()
        assert low <= min(map(min, animator.Y)) and 0.9 < max(animator.Y[0]) <= high
    assert len(drawn) == 2


def test_loaders_of_ours_move_to_the_device_once():
    from helpers.d2l.loops import resident

    moved = resident(data(), torch.device("meta"))
    assert {t.device.type for batch in moved for t in batch} == {"meta"}
    others = [(X, Y)]
    assert resident(others, torch.device("meta")) is others
