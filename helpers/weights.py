"""Trained weights: kept in a file that holds nothing but numbers, and put into a network whole."""

import os
import pickle
import socket
from http.client import HTTPException
from pathlib import Path

import torch
from torch import Tensor, nn

from .devices import profile
from .download import data_dir, shipped_dir

TIMEOUT = 30  # seconds of silence before a download is given up


def save_weights(net: nn.Module, path: str | Path, **about: str | float) -> None:
    """Save the weights of `net`, and with them what is to be known `about` them, atomically."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        torch.save({"weights": net.state_dict(), "about": about}, partial)
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def load_weights(net: nn.Module, path: str | Path) -> dict[str, str | float]:
    """Put weights from a file into `net`, all or none; return what `save_weights` noted about them.

    Also reads a plain state_dict. Raises ValueError, with `net` as it was, for weights of another
    network, numbers that are not finite, and a file that is damaged or holds more than numbers:
    unpickling it could run any program. Raises FileNotFoundError where there is none.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"There are no weights at {path}.") from None
    except pickle.UnpicklingError:
        raise ValueError(
            f"{path} holds more than numbers, or is damaged; it was not loaded. Take weights only "
            "from where you trust, as a state_dict."
        ) from None
    except Exception:  # damaged bytes fail in many ways
        raise ValueError(f"{path} is damaged or no file of weights; get it again.") from None
    state = state if isinstance(state, dict) else {}
    ours = isinstance(state.get("weights"), dict)  # else it is a plain state_dict
    weights, about = (state["weights"], state.get("about")) if ours else (state, {})
    if fault := _misfit(net.state_dict(), weights):
        raise ValueError(f"{path} does not fit this network: {fault}. It was not loaded.")
    net.load_state_dict(weights)
    return about if isinstance(about, dict) else {}


def shipped_weights(name: str) -> Path:
    """The path of weights that ship with the course: in the data folder, else beside helpers.

    Raises FileNotFoundError, which says how to get them back.
    """
    for folder in (data_dir(), shipped_dir()):
        if (path := folder / "weights" / name).is_file():
            return path
    raise FileNotFoundError(
        f"There are no weights at {path}. In the folder of the course, `git checkout -- data` "
        "brings them back and `python -m tools.pretrain` makes them anew."
    )


def _misfit(ours: dict, theirs: dict) -> str | None:
    """The first difference between two state_dicts, in words."""
    for name in [*ours, *theirs]:
        if name not in theirs:
            return f"the file has no {name}"
        if name not in ours:
            return f"the network has no {name}"
        there, here = theirs[name], ours[name]
        if not _is_plain(there):
            return f"{name} is no plain tensor of real numbers"
        if there.shape != here.shape:
            return f"{name} is {(*there.shape,)} in the file and {(*here.shape,)} in the network"
        if there.is_floating_point() != here.is_floating_point():
            return f"{name} is {there.dtype} in the file and {here.dtype} in the network"
        if not there.to(here.dtype).isfinite().all():
            return f"{name} holds numbers that are not finite"
    return None


def _is_plain(value: object) -> bool:
    """Whether it is a tensor with all its numbers, one after another, none of them complex."""
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and not (value.is_meta or value.is_quantized or value.is_complex())
    )


def imagenet_resnet18() -> nn.Module:
    """torchvision's ResNet-18 with weights trained on ImageNet, 47 MB at the first use.

    As `resnet18(weights=ResNet18_Weights.IMAGENET1K_V1)`, but a damaged file, one of the wrong
    shape or one that holds more than numbers is refused in one sentence.
    Raises ValueError for those, which says to delete the file, and OSError where there is no
    network, which says what to download and where to put it.
    """
    from torchvision.models import ResNet18_Weights, resnet18

    url = ResNet18_Weights.IMAGENET1K_V1.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rsplit("/", 1)[-1]
    net = resnet18()
    if not path.exists():
        if profile() == "trial":
            print("trial without the ImageNet weights: random ones take their place")
            return net
        _download(url, path)
    try:
        load_weights(net, path)
    except ValueError as error:
        raise ValueError(f"{error} Delete {path}, and the next run downloads it again.") from None
    return net


def _download(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    begin = path.stem.rsplit("-", 1)[-1]  # of the SHA-256, by torchvision's custom
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT)  # torch.hub sets none
    try:
        torch.hub.download_url_to_file(url, str(path), hash_prefix=begin, progress=False)
    except (OSError, HTTPException, RuntimeError) as error:  # no network, or other bytes
        raise OSError(
            f"Could not download {url} ({error}). Try again later, or download it by hand and save "
            f"it as {path}."
        ) from None
    finally:
        socket.setdefaulttimeout(before)
