"""Saving a training run after each epoch, so that an interrupted one goes on where it stopped."""

import copy
import os
from pathlib import Path

import torch


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
    if torch.cuda.is_initialized():  # a run on the CPU leaves the GPUs alone
        state["cuda_rng"] = torch.cuda.get_rng_state()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())  # on the disk before it takes the name
    os.replace(partial, path)


def read_checkpoint(path: Path) -> dict:
    """What was saved: states and plain data. Raises ValueError when the file is no checkpoint."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except OSError:
        raise
    except Exception:  # of many kinds, by what is wrong with the file
        state = None
    if not isinstance(state, dict) or "net" not in state:
        raise ValueError(f"{path} is no checkpoint, or damaged; delete it to start anew.")
    return state


def restore(path: Path, state: dict, **parts) -> dict:
    """Put the states back into `parts`, and return the plain data that remains.

    Raises ValueError when they do not fit; then the parts are what they were.
    """
    parts = {name: part for name, part in parts.items() if part is not None}
    before = copy.deepcopy({name: part.state_dict() for name, part in parts.items()})
    try:
        for name, part in parts.items():
            part.load_state_dict(state.pop(name))
        torch.set_rng_state(state.pop("rng"))
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError):
        for name, part in parts.items():
            part.load_state_dict(before[name])
        raise ValueError(f"{path} was saved by another network; delete it to start anew.") from None
    cuda_rng = state.pop("cuda_rng", None)
    if cuda_rng is not None and torch.cuda.is_initialized():
        torch.cuda.set_rng_state(cuda_rng)
    return state


def load_checkpoint(path: Path, **parts) -> dict:
    """Put the saved states back into `parts`; return the plain data that was saved.

    Raises ValueError when the file is no checkpoint, or belongs to another network.
    """
    return restore(path, read_checkpoint(path), **parts)
