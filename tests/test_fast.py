"""The fast path trains to the same numbers, whether a step is replayed or cannot be.

Where there is no GPU a graph is emulated: operations are written down as they pass the dispatcher
and run again on the same memory, which is what a CUDA graph does with kernels.
"""

import copy
import warnings
from contextlib import contextmanager
from unittest.mock import MagicMock

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from helpers import fast, load_array, train
from helpers.fast import WARM_UP, FastStep
from helpers.step import Step


class Tape(TorchDispatchMode):
    """Operations in their order. As in a real recording, no number may be waited for."""

    def __init__(self):
        super().__init__()
        self.calls, self.before, self.replays = [], {}, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        made = {id(t) for call in self.calls for t in tree_leaves(call[-1])}
        for t in tree_leaves((args, kwargs)):
            if isinstance(t, torch.Tensor) and id(t) not in made:
                self.before.setdefault(id(t), (t, t.clone()))
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    @torch.no_grad()
    def undo(self):
        for tensor, value in self.before.values():
            tensor.copy_(value)

    @torch.no_grad()
    def replay(self):
        self.replays += 1
        for func, args, kwargs, result in self.calls:
            again = tree_leaves(func(*args, **kwargs))
            for old, new in zip(tree_leaves(result), again, strict=True):
                if isinstance(old, torch.Tensor) and old.data_ptr() != new.data_ptr():
                    old.copy_(new)


@pytest.fixture
def tapes(monkeypatch) -> list[Tape]:
    """Makes CPUs recordable; the list holds what was recorded."""
    recorded = []

    def record(work, device):
        tape, rng = Tape(), torch.get_rng_state()
        try:
            with tape:
                result = work()
        finally:  # a recording computes nothing
            tape.undo()
            torch.set_rng_state(rng)
        recorded.append(tape)
        return tape.replay, result

    monkeypatch.setattr(fast, "RECORDABLE", ("cpu", "cuda"))
    monkeypatch.setattr(fast, "record", record)
    monkeypatch.setattr(fast, "on_side_stream", lambda work, device: (work(), False))
    return recorded


X = torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] > X[:, 1]).long() + (X[:, 2] > 1).long()
BATCH, EPOCHS = 8, 3  # six whole batches and one of two examples
REPLAYS = EPOCHS * (len(X) // BATCH) - WARM_UP


def mlp(*layers):
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 8), *layers, nn.ReLU(), nn.Linear(8, 3))


def run(net, make_optimizer, *, is_fast, loss=None, make_scheduler=None):
    optimizer = make_optimizer(net)
    scheduler = make_scheduler and make_scheduler(optimizer)
    torch.manual_seed(2)
    history = train(
        net,
        load_array((X, Y), BATCH),
        load_array((X, Y), 20, is_train=False),
        loss=loss or nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        num_epochs=EPOCHS,
        fast=is_fast,
        animate=False,
    )
    return history, net.state_dict() if isinstance(net, nn.Module) else {}


def assert_same_run(make_net, make_optimizer, **options):
    slow, expected = run(make_net(), make_optimizer, is_fast=False, **options)
    quick, state = run(make_net(), make_optimizer, is_fast=True, **options)
    for metric in ("train_loss", "train_acc", "test_acc"):
        assert getattr(quick, metric) == pytest.approx(getattr(slow, metric), abs=1e-6)
    for name, value in expected.items():
        assert torch.allclose(state[name], value, atol=1e-6), name


def sgd(net):
    return torch.optim.SGD(net.parameters(), lr=0.1)


def momentum(net):
    return torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-2)


def adam(net):
    return torch.optim.Adam(net.parameters(), lr=1e-2)


def one_cycle(optimizer):
    steps = EPOCHS * -(-len(X) // BATCH)
    return torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-2, total_steps=steps)


def halving(optimizer):
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)


@pytest.mark.parametrize(
    "optimizer, scheduler, with_update",
    [
        (sgd, None, True),
        (momentum, None, True),
        (sgd, halving, False),
        (adam, None, False),
        (adam, one_cycle, False),
    ],
)
def test_same_numbers_with_every_optimizer_and_scheduler(tapes, optimizer, scheduler, with_update):
    assert_same_run(mlp, optimizer, make_scheduler=scheduler)
    assert [tape.replays for tape in tapes] == [REPLAYS]  # the odd last batches were none
    net = mlp()
    made = optimizer(net)
    step = Step(net, nn.CrossEntropyLoss(), made, scheduler and scheduler(made))
    assert FastStep(step).with_update == with_update


def test_hooks_of_the_optimizer_are_called_after_each_replay(tapes):
    calls = []

    def hooked(net):
        optimizer = sgd(net)
        optimizer.register_step_pre_hook(lambda *args: calls.append("pre"))
        optimizer.register_step_post_hook(lambda *args: calls.append("post"))
        return optimizer

    assert_same_run(mlp, hooked)
    assert [tape.replays for tape in tapes] == [REPLAYS]
    assert calls == ["pre", "post"] * (2 * EPOCHS * -(-len(X) // BATCH))


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.BatchNorm1d(8)], ids=["dropout", "norm"])
def test_same_numbers_with_random_numbers_and_with_buffers(tapes, layer):
    assert_same_run(lambda: mlp(copy.deepcopy(layer)), sgd)
    assert [tape.replays for tape in tapes] == [REPLAYS]


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_same_numbers_for_every_reduction(tapes, reduction):
    assert_same_run(mlp, sgd, loss=nn.CrossEntropyLoss(reduction=reduction))
    assert [tape.replays for tape in tapes] == [REPLAYS]


class Waits(nn.Module):
    """Control flow that hangs on a number."""

    def forward(self, X):
        return X / 2 if X.abs().sum() > 1 else X


class Rebinds(nn.Module):
    """The notes' batch normalization: its running mean becomes another tensor at each step."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, X):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * X.detach().mean(0)
        return X - self.mean


def test_what_cannot_be_replayed_is_computed_step_by_step(tapes):
    assert_same_run(lambda: mlp(Waits()), sgd)
    assert tapes == []
    assert_same_run(lambda: mlp(Rebinds()), sgd)
    assert tapes == []


def test_a_step_that_waits_is_not_recorded(tapes, monkeypatch):
    monkeypatch.setattr(fast, "on_side_stream", lambda work, device: (work(), True))
    step = FastStep(Step(net := mlp(), nn.CrossEntropyLoss(), sgd(net)))
    for _ in range(WARM_UP):
        assert step.why_not is None
        step(X, Y)
    assert "waits" in step.why_not
    step(X, Y)
    assert tapes == []


def test_an_update_by_hand_is_computed_step_by_step(tapes):
    def by_hand(net):
        @torch.no_grad()
        def updater(batch_size):
            for p in net.parameters():
                p -= 0.1 * p.grad / batch_size
                p.grad.zero_()

        return updater

    assert_same_run(mlp, by_hand)
    assert tapes == []


def reason(net, optimizer=None):
    return FastStep(Step(net, nn.CrossEntropyLoss(), optimizer or sgd(net))).why_not


def test_the_reason_is_one_sentence(tapes, monkeypatch):
    assert reason(mlp()) is None
    assert "by hand" in reason(mlp(), lambda batch_size: None)
    hooked = mlp()
    hooked[0].register_forward_hook(lambda *args: None)
    assert "hooks" in reason(hooked)
    assert "several devices" in reason(nn.DataParallel(mlp()))
    split = nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3, device="meta"))
    assert "several devices" in reason(split)
    monkeypatch.setattr(fast, "RECORDABLE", ("cuda",))
    assert "CUDA" in reason(mlp()) and "CUDA" in reason(lambda X: X, sgd(mlp()))


def test_without_a_gpu_nothing_is_recorded_and_nothing_changes(capsys):
    assert_same_run(mlp, sgd)
    assert "fast:" not in capsys.readouterr().out


def test_where_there_is_a_gpu_the_reason_is_printed_once(tapes, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    by_hand = mlp()
    runs = [(net, sgd(net)) for net in (mlp(), mlp(Waits()), mlp(Rebinds()))]
    for net, optimizer in (*runs, (by_hand, lambda batch_size: by_hand.zero_grad())):
        step = FastStep(Step(net, nn.CrossEntropyLoss(), optimizer))
        for _ in range(WARM_UP + 2):
            step(X, Y)
    start = "fast: steps are computed one by one, since "
    assert capsys.readouterr().out.splitlines() == [
        start + "recording failed: operation not permitted when stream is capturing.",
        start + "forward gives attributes of the network new values.",
        start + "the parameters are updated by hand.",
    ]


def test_a_recording_that_fails_gives_random_numbers_and_streams_back(monkeypatch):
    generator, set_stream = MagicMock(), MagicMock()

    @contextmanager
    def graph(*args, **kwargs):
        yield

    def work():
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "default_generators", (None, generator))
    monkeypatch.setattr(torch.cuda, "CUDAGraph", MagicMock())
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "Stream", MagicMock())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device=None: f"stream of {device}")
    monkeypatch.setattr(torch.cuda, "set_stream", set_stream)
    with pytest.raises(RuntimeError, match="capturing"):
        fast.record(work, torch.device("cuda", 1))
    generator.graphsafe_set_state.assert_called_once_with(generator.clone_state())
    used = [call.args[0] for call in set_stream.call_args_list]
    assert used == ["stream of cuda:1", "stream of None"]  # and so the current device


def test_warming_up_waits_for_earlier_work_is_waited_for_and_watched(monkeypatch):
    order, side, main, modes = [], MagicMock(), MagicMock(), []
    side.wait_stream.side_effect = lambda other: order.append("wait for earlier work")
    main.wait_stream.side_effect = lambda other: order.append("wait for this work")
    monkeypatch.setattr(torch.cuda, "Stream", lambda device: side)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: main)
    monkeypatch.setattr(torch.cuda, "stream", MagicMock())
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    gpu = torch.device("cuda", 0)
    assert fast.on_side_stream(lambda: order.append("work") or 7, gpu) == (7, False)
    assert order == ["wait for earlier work", "work", "wait for this work"]

    def waiting():
        warnings.warn("called a synchronizing CUDA operation (Triggered internally)", stacklevel=1)
        return 7

    assert fast.on_side_stream(waiting, gpu) == (7, True)
    with pytest.raises(ZeroDivisionError):
        fast.on_side_stream(lambda: 1 / 0, gpu)
    assert modes == ["warn", "default"] * 3


on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@on_a_gpu
@pytest.mark.parametrize("layer", [Waits, Rebinds])
def test_on_a_gpu_a_step_that_cannot_be_recorded_leaves_it_fit_for_work(layer):
    assert_same_run(lambda: mlp(layer()).cuda(), sgd)
    assert torch.rand(1, device="cuda") < 1
    torch.cuda.empty_cache()
    step = FastStep(Step(net := mlp().cuda(), nn.CrossEntropyLoss(), sgd(net)))
    for _ in range(WARM_UP + 1):
        step(X, Y)
    assert step.why_not is None and step.replay is not None


@on_a_gpu
def test_on_a_gpu_a_step_that_waits_is_noticed_before_it_is_recorded():
    step = FastStep(Step(net := mlp(Waits()).cuda(), nn.CrossEntropyLoss(), sgd(net)))
    for _ in range(WARM_UP):
        step(X, Y)
    assert "waits" in step.why_not


@on_a_gpu
@pytest.mark.parametrize("optimizer, scheduler", [(sgd, None), (momentum, None), (adam, one_cycle)])
def test_same_numbers_on_a_gpu(optimizer, scheduler):
    assert_same_run(lambda: mlp(nn.Dropout(0.3)).cuda(), optimizer, make_scheduler=scheduler)
    net = mlp().cuda()
    step = FastStep(Step(net, nn.CrossEntropyLoss(), sgd(net)))
    for _ in range(WARM_UP + 2):
        step(X, Y)
    assert step.why_not is None and step.replay is not None
