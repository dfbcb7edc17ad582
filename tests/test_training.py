"""One train loop: right whatever the loss, the last batch and the optimizer."""

import copy
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from helpers import load_array, train


def classification(n=50, features=4, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    X = torch.randn(n, features, generator=generator)
    return X, torch.randint(classes, (n,), generator=generator)


def new_net(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def fit(net, data, loss=None, num_epochs=2, optimizer=None, **kwargs):
    optimizer = optimizer or torch.optim.SGD(net.parameters(), lr=0.1)
    kwargs |= dict(loss=loss or nn.CrossEntropyLoss(), optimizer=optimizer, num_epochs=num_epochs)
    return train(net, data, animate=False, **kwargs)


def test_matches_a_loop_written_by_hand():
    X, y = classification()
    net = new_net()
    twin = copy.deepcopy(net)
    history = fit(net, load_array((X, y), 16, is_train=False), num_epochs=3)

    optimizer, losses, accs = torch.optim.SGD(twin.parameters(), lr=0.1), [], []
    for _ in range(3):
        total, right = 0.0, 0
        for start in range(0, 50, 16):
            Xb, yb = X[start : start + 16], y[start : start + 16]
            optimizer.zero_grad()
            y_hat = twin(Xb)
            l = F.cross_entropy(y_hat, yb)
            l.backward()
            optimizer.step()
            total, right = total + l.item() * len(yb), right + (y_hat.argmax(1) == yb).sum().item()
        losses.append(total / 50)
        accs.append(right / 50)
    assert history.train_loss == pytest.approx(losses, abs=1e-6)
    assert history.train_acc == pytest.approx(accs)
    for p, q in zip(net.parameters(), twin.parameters(), strict=True):
        assert torch.allclose(p, q, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 40), batch_size=st.integers(1, 50))
def test_same_run_for_every_reduction_and_any_last_batch(n, batch_size):
    data = load_array(classification(n), batch_size, is_train=False)
    losses = [nn.CrossEntropyLoss(reduction=r) for r in ("mean", "sum", "none")]
    losses.append(lambda a, b: F.cross_entropy(a, b, reduction="sum"))
    runs = [fit(new_net(), data, loss).train_loss for loss in losses]
    for run in runs[1:]:
        assert run == pytest.approx(runs[0], abs=1e-5)


def test_the_notebooks_own_sgd_is_an_optimizer():
    data = load_array(classification(), 16, is_train=False)
    net, twin = new_net(), new_net()

    def updater(batch_size):
        with torch.no_grad():
            for p in twin.parameters():
                p -= 0.1 * p.grad / batch_size
                p.grad.zero_()

    by_optimizer = fit(net, data)
    by_hand = fit(twin, data, loss=nn.CrossEntropyLoss(reduction="none"), optimizer=updater)
    assert by_hand.train_loss == pytest.approx(by_optimizer.train_loss, abs=1e-6)


def test_a_net_can_be_a_function():
    X, y = classification()
    W = torch.zeros(4, 3, requires_grad=True)
    optimizer = torch.optim.SGD([W], lr=0.5)
    history = fit(lambda X: X @ W, load_array((X, y), 16), optimizer=optimizer, num_epochs=5)
    assert history.train_loss[-1] < history.train_loss[0] < math.log(3) + 0.1


def test_one_batch_is_enough_and_none_is_one_sentence():
    data = load_array(classification(3), 256)
    assert len(fit(new_net(), data, test_iter=data).test_acc) == 2
    with pytest.raises(ValueError, match="no batch"):
        fit(new_net(), [])


def test_starting_to_train_changes_no_weight():
    net = new_net()
    before = copy.deepcopy(net.state_dict())
    fit(net, load_array(classification(), 16), optimizer=torch.optim.SGD(net.parameters(), lr=0.0))
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_trains_in_train_mode_and_stays_in_it():
    modes = []
    net = new_net().eval()
    net.register_forward_hook(lambda m, X, y: modes.append(m.training))
    data = load_array(classification(), 25)
    fit(net, data, test_iter=data)
    assert modes == [True, True, False, False] * 2
    assert net.training


def test_regression_follows_the_loss_and_no_accuracy():
    X = torch.randn(40, 4)
    data = load_array((X, X.sum(1, keepdim=True)), 10)
    net = nn.Linear(4, 1)
    history = fit(net, data, loss=nn.MSELoss(), test_iter=data, num_epochs=3)
    assert history.train_acc == history.test_acc == []
    assert history.test_loss[-1] < history.test_loss[0]


def test_a_loss_that_is_not_finite_stops_with_one_sentence():
    X = torch.randn(40, 4)
    net = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e6)
    with pytest.raises(RuntimeError, match=r"epoch .* smaller learning rate") as error:
        data = load_array((X, X.sum(1, keepdim=True)), 4)
        fit(net, data, loss=nn.MSELoss(), optimizer=optimizer, num_epochs=50)
    assert "\n" not in str(error.value)


def test_scheduler_steps_once_a_batch():
    net = new_net()
    optimizer = torch.optim.Adam(net.parameters())
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=2 * 4)
    fit(net, load_array(classification(), 16), optimizer=optimizer, scheduler=scheduler)
    assert scheduler.last_epoch == 8


def test_history_counts_examples_and_time_of_data_loading():
    class Slow(list):
        def __iter__(self):
            import time

            time.sleep(0.2)
            return super().__iter__()

    X, y = classification()
    history = fit(new_net(), Slow([(X, y)]), num_epochs=1)
    assert history.num_examples == 50 and history.seconds[0] >= 0.2
    assert history.examples_per_second <= 50 / 0.2
    assert "train loss" in str(history) and "examples/s on cpu" in str(history)


def test_curves_are_recorded_within_each_epoch_and_tests_after_it():
    data = load_array(classification(100), 10)
    net = new_net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    history = train(net, data, data, loss=nn.CrossEntropyLoss(), optimizer=optimizer, num_epochs=2)
    animator = history.animator
    assert animator.legend == ["train loss", "train acc", "test acc"]
    assert animator.X[0] == pytest.approx([0.2 * i for i in range(1, 11)])
    assert animator.X[2] == [1, 2] and animator.Y[2] == pytest.approx(history.test_acc)
    assert animator.Y[0][-1] == pytest.approx(history.train_loss[-1])


def test_without_test_data_there_is_no_test_curve():
    net = new_net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    data = load_array(classification(100), 10)
    history = train(net, data, loss=nn.CrossEntropyLoss(), optimizer=optimizer, num_epochs=1)
    assert history.animator.legend == ["train loss", "train acc"]


def test_an_interrupted_run_goes_on_and_ends_the_same(tmp_path):
    data = load_array(classification(), 16)

    def run(num_epochs, checkpoint):
        net = new_net()
        optimizer = torch.optim.Adam(net.parameters())
        history = fit(net, data, optimizer=optimizer, num_epochs=num_epochs, checkpoint=checkpoint)
        return net, history

    torch.manual_seed(7)
    whole, expected = run(4, tmp_path / "whole.pt")
    run(2, tmp_path / "halves.pt")
    torch.manual_seed(123)  # a new process knows nothing of the first one's random numbers
    halves, history = run(4, tmp_path / "halves.pt")
    assert history.train_loss == expected.train_loss
    for p, q in zip(whole.parameters(), halves.parameters(), strict=True):
        assert torch.equal(p, q)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["halves.pt", "whole.pt"]


def test_a_checkpoint_of_another_net_is_refused(tmp_path):
    data = load_array(classification(), 16)
    fit(new_net(), data, checkpoint=tmp_path / "net.pt")
    with pytest.raises(ValueError, match="another network"):
        fit(nn.Sequential(nn.Linear(4, 3)), data, checkpoint=tmp_path / "net.pt")


@pytest.mark.parametrize("profile, said", [("full", True), ("quick", False)])
def test_a_long_full_run_says_how_long_after_20_batches(monkeypatch, capsys, profile, said):
    monkeypatch.setattr("helpers.training.ESTIMATE_FROM", 0)
    monkeypatch.setenv("COURSE_PROFILE", profile)
    fit(new_net(), load_array(classification(100), 2), num_epochs=1)
    assert ("1 epochs will take about 0 min on cpu" in capsys.readouterr().out) == said
