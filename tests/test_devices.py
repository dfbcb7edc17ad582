"""Devices and seeds."""

import random

import numpy as np
import pytest
import torch

from helpers import seed_everything, try_all_gpus, try_gpu

GPUS = torch.accelerator.device_count() if torch.accelerator.is_available() else 0


def test_try_gpu_takes_what_is_there():
    kind = torch.accelerator.current_accelerator().type if GPUS else "cpu"
    assert try_gpu().type == kind
    assert [d.type for d in try_all_gpus()] == [kind] * max(GPUS, 1)


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_every_kind_of_accelerator_is_found(monkeypatch, kind):
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
    assert try_all_gpus() == [torch.device(kind, 0), torch.device(kind, 1)]
    assert try_gpu(1) == torch.device(kind, 1)


@pytest.mark.parametrize("i", [-1, GPUS + 3])
def test_a_gpu_that_is_not_there_is_one_sentence_and_not_the_cpu(i):
    with pytest.raises(ValueError, match=f"GPU {i} was asked for and this machine has {GPUS}"):
        try_gpu(i)


def test_one_seed_for_python_numpy_and_torch():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    seed_everything(3)
    first = draw()
    assert draw() != first
    seed_everything(3)
    assert draw() == first
