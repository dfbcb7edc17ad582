"""Counting, timing and evaluating: what d2l's versions get wrong is pinned here."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from helpers import Accumulator, Timer, accuracy, evaluate_accuracy, evaluate_loss, load_array


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.integers(0, 100)), max_size=20))
def test_accumulator_sums(rows):
    metric = Accumulator(2)
    for row in rows:
        metric.add(*row)
    assert metric[0] == pytest.approx(sum(r[0] for r in rows), abs=1e-6)
    assert metric[1] == sum(r[1] for r in rows)
    metric.reset()
    assert list(metric) == [0, 0]


@pytest.mark.parametrize("values", [(1,), (1, 2, 3)])
def test_accumulator_refuses_a_wrong_number_of_values_and_keeps_its_sums(values):
    metric = Accumulator(2)
    metric.add(1, 2)
    with pytest.raises(ValueError, match="sums 2 values"):
        metric.add(*values)
    assert list(metric) == [1, 2]


def test_accumulator_takes_a_live_loss_without_a_warning(recwarn):
    metric = Accumulator(1)
    metric.add(torch.ones(3, requires_grad=True).sum())
    assert metric[0] == 3 and not recwarn


def test_accuracy_is_a_share():
    scores = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    y = torch.tensor([1, 0, 0, 0])
    assert accuracy(scores, y) == accuracy(scores.argmax(1), y) == 0.75


def test_evaluation_without_gradients_gives_every_module_its_own_mode_back():
    net = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.Linear(3, 2))
    net.train()
    net[1].eval()  # frozen on purpose
    seen = []
    net.register_forward_hook(lambda m, X, y: seen.append((m.training, y.requires_grad)))
    evaluate_accuracy(net, load_array((torch.rand(5, 4), torch.zeros(5, dtype=int)), 2))
    assert seen == [(False, False)] * 3
    assert [m.training for m in net] == [True, False, True] and net.training


def test_modes_come_back_after_an_error_too():
    net = nn.Linear(4, 2)
    with pytest.raises(RuntimeError):
        evaluate_accuracy(net, [(torch.rand(2, 3), torch.zeros(2, dtype=int))])
    assert net.training


def test_evaluates_a_function_and_a_net_without_parameters():
    data = [(torch.eye(3), torch.tensor([0, 1, 1]))]
    assert evaluate_accuracy(lambda X: X, data) == pytest.approx(2 / 3)
    assert evaluate_accuracy(nn.Flatten(), data) == pytest.approx(2 / 3)


def test_an_uneven_last_batch_weighs_what_it_should():
    X, y = torch.eye(2)[torch.tensor([0] * 64 + [1])], torch.zeros(65, dtype=int)
    data = load_array((X, y), 64, is_train=False)  # the one mistake is alone in the last batch
    assert evaluate_accuracy(lambda X: X, data) == 64 / 65


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("kind", ["classes", "regression"])
def test_mean_loss_whatever_the_reduction(reduction, kind):
    torch.manual_seed(0)
    X = torch.randn(7, 3)
    y = torch.randint(3, (7,)) if kind == "classes" else torch.randn(7, 3)
    function = F.cross_entropy if kind == "classes" else F.mse_loss
    for loss in (
        {"classes": nn.CrossEntropyLoss, "regression": nn.MSELoss}[kind](reduction=reduction),
        lambda a, b: function(a, b, reduction=reduction),
    ):
        data = load_array((X, y), 4, is_train=False)
        assert evaluate_loss(lambda X: X, data, loss) == pytest.approx(
            function(X, y).item(), abs=1e-6
        )


def test_nothing_to_evaluate_is_one_sentence():
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate_accuracy(nn.Linear(1, 1), [])


def test_timer_laps_add_up():
    timer = Timer()
    for _ in range(3):
        timer.start()
        timer.stop()
    assert len(timer.times) == 3 and timer.sum() == pytest.approx(3 * timer.avg())
    assert timer.cumsum()[-1] == pytest.approx(timer.sum())
