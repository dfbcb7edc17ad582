"""Saving a training run after each epoch, so that an interrupted one goes on where it stopped."""

import os
from pathlib import Path

import torch
from torch import nn


def save_checkpoint(path: Path, **parts) -> None:
    """Save the state of each part, and that of the random numbers, whole or not at all.

    parts: things with a `state_dict` (net, optimizer, scheduler; None is left out) and plain data.
    """
    state = {
        name: part.state_dict() if hasattr(part, "state_dict") else part
        for name, part in parts.items()
        if part is not None
    }
    state["rng"] = torch.get_rng_state()
    if torch.cuda.is_available():
        state["cuda_rng"] = torch.cuda.get_rng_state_all()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def load_checkpoint(path: Path, net: nn.Module, **parts) -> dict:
    """Put the saved states back into `net` and `parts`; return the plain data that was saved.

    Raises ValueError when the file belongs to another network.
    """
    state = torch.load(path, map_location="cpu", weights_only=True)
    try:
        net.load_state_dict(state.pop("net"))
    except (KeyError, RuntimeError):
        raise ValueError(f"{path} was saved by another network; delete it to start anew.") from None
    for name, part in parts.items():
        if part is not None:
            part.load_state_dict(state.pop(name))
    torch.set_rng_state(state.pop("rng"))
    if torch.cuda.is_available() and "cuda_rng" in state:
        torch.cuda.set_rng_state_all(state.pop("cuda_rng"))
    return state
