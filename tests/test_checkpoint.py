"""A checkpoint is saved whole, under its own name, and only taken up where it fits."""

import os

import pytest
import torch
from torch import nn

from helpers import checkpoint
from helpers.checkpoint import load_checkpoint, save_checkpoint


def new_parts(hidden=3):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, hidden), nn.Linear(hidden, 1))
    optimizer = torch.optim.Adam(net.parameters())
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5)
    return dict(net=net, optimizer=optimizer, scheduler=scheduler)


def train_a_step(net, optimizer, scheduler):
    optimizer.zero_grad()
    net(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    scheduler.step()


def assert_refused(path, sentence, parts):
    """Loading raises one sentence, and leaves the net and the random numbers as they are."""
    before = [p.detach().clone() for p in parts["net"].parameters()]
    torch.manual_seed(5)
    with pytest.raises(ValueError, match=sentence) as refusal:
        load_checkpoint(path, **parts)
    assert str(path) in str(refusal.value) and "\n" not in str(refusal.value)
    for p, kept in zip(parts["net"].parameters(), before, strict=True):
        assert torch.equal(p, kept)
    drawn = torch.rand(3)
    assert torch.equal(drawn, torch.rand(3, generator=torch.Generator().manual_seed(5)))


def test_states_random_numbers_and_plain_data_come_back(tmp_path):
    saved, found = new_parts(), new_parts()
    train_a_step(**saved)
    save_checkpoint(tmp_path / "run.pt", **saved, step=7)
    drawn = torch.rand(3)
    assert load_checkpoint(tmp_path / "run.pt", **found) == {"step": 7}
    assert torch.equal(torch.rand(3), drawn)
    for parts in (saved, found):
        train_a_step(**parts)
    for p, q in zip(saved["net"].parameters(), found["net"].parameters(), strict=True):
        assert torch.equal(p, q)
    assert found["scheduler"].last_epoch == 2


@pytest.mark.parametrize("what", ["empty", "text", "cut off", "a tensor", "other data"])
def test_a_file_that_is_no_checkpoint_is_one_sentence(tmp_path, what):
    path = tmp_path / "run.pt"
    save_checkpoint(path, **new_parts())
    whole = path.read_bytes()
    if what in ("a tensor", "other data"):
        torch.save(torch.ones(2) if what == "a tensor" else {"step": 3}, path)
    else:
        path.write_bytes({"empty": b"", "text": b"no, thanks", "cut off": whole[:900]}[what])
    assert_refused(path, r"is no checkpoint, or damaged; delete it to start anew\.$", new_parts())


def test_a_checkpoint_that_fits_in_part_changes_nothing(tmp_path):
    torch.manual_seed(1)
    longer = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2))  # the first layer would fit
    save_checkpoint(tmp_path / "net.pt", net=longer)
    assert_refused(tmp_path / "net.pt", "by another network", dict(net=new_parts()["net"]))
    other = new_parts()
    train_a_step(**other)
    save_checkpoint(tmp_path / "run.pt", net=other["net"], optimizer=other["optimizer"])
    assert_refused(tmp_path / "run.pt", "by another network", new_parts())  # no scheduler


def test_names_that_differ_after_a_dot_do_not_meet_while_they_are_written(tmp_path, monkeypatch):
    steps, replace, fsync = [], os.replace, os.fsync
    monkeypatch.setattr(
        checkpoint.os, "replace", lambda a, b: (steps.append(a.name), replace(a, b))
    )
    monkeypatch.setattr(checkpoint.os, "fsync", lambda fd: (steps.append("sync"), fsync(fd)))
    for name in ("a-lr0.1", "a-lr0.2"):
        save_checkpoint(tmp_path / name, **new_parts())
    assert steps[0] == steps[2] == "sync", "on the disk first, and then its name"
    assert steps[1] != steps[3]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a-lr0.1", "a-lr0.2"]


def test_a_run_on_the_cpu_leaves_the_gpus_alone(tmp_path, monkeypatch):
    def touched(*args):
        raise AssertionError("a GPU was used")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: False)
    for name in ("get", "set"):
        monkeypatch.setattr(torch.cuda, f"{name}_rng_state", touched)
        monkeypatch.setattr(torch.cuda, f"{name}_rng_state_all", touched)
    save_checkpoint(tmp_path / "run.pt", **new_parts())
    assert load_checkpoint(tmp_path / "run.pt", **new_parts()) == {}
