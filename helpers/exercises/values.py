"""Values of exercises: whether two are the same, and how to show them in a line."""

import math
import textwrap
import unicodedata

import numpy as np
import torch
from torch import Tensor, nn


def contrast(expected: object, got: object, tolerance: float) -> list[str]:
    """Both in a line; of large tensors that only differ in their numbers, the first that does."""
    lines = [show(expected), show(got)]
    if lines[0] == lines[1] and isinstance(expected, Tensor):
        a, b = numbers(expected), numbers(got)
        close = torch.isclose(a, b, tolerance, tolerance, equal_nan=True)
        place = (~close).nonzero()[0].tolist()
        lines = [
            f"{line}, {v[tuple(place)]:.6g} at {place}"
            for line, v in zip(lines, (a, b), strict=True)
        ]
    elif type(expected) is not type(got) and not isinstance(got, Tensor):
        lines[1] += f" ({type(got).__name__})"
    return lines


def numbers(value: Tensor | np.ndarray) -> Tensor:
    return torch.as_tensor(value).detach().double().cpu()


def agree(expected: object, got: object, tolerance: float = 1e-4) -> bool:
    """Whether two values are the same: floats and tensors but for rounding, the rest exactly."""
    if isinstance(expected, Tensor | np.ndarray):
        if not isinstance(got, Tensor | np.ndarray) or tuple(got.shape) != tuple(expected.shape):
            return False
        a, b = numbers(expected), numbers(got)
        return torch.allclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    if isinstance(expected, list | tuple):
        same = isinstance(got, list | tuple | torch.Size) and len(got) == len(expected)
        return same and all(agree(a, b, tolerance) for a, b in zip(expected, got, strict=True))
    if isinstance(got, Tensor | np.ndarray | np.generic) and got.ndim == 0:
        got = got.item()
    if isinstance(expected, bool | str) or expected is None:
        return type(got) is type(expected) and got == expected
    if isinstance(got, bool) or not isinstance(got, int | float):
        return False
    if isinstance(expected, int):
        return got == expected
    return math.isclose(expected, got, rel_tol=tolerance, abs_tol=tolerance)


def show(value: object) -> str:
    """A value in one short line."""
    if isinstance(value, Tensor):
        if value.numel() > 8:
            return f"a tensor of shape {tuple(value.shape)}"
        numbers = (
            torch.round(value.detach().double(), decimals=4)
            if value.dtype.is_floating_point
            else value
        )
        return f"tensor({numbers.tolist()})"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list | tuple) and value and all(isinstance(v, Tensor) for v in value):
        if sum(v.numel() for v in value) > 8:
            shapes = ", ".join(dict.fromkeys(str(tuple(v.shape)) for v in value))
            return f"{len(value)} tensors of shape {shapes}"
        return f"[{', '.join(map(show, value))}]"
    text = " ".join((getattr(value, "__name__", None) or repr(value)).split())
    if isinstance(value, nn.Module) and len(text) > 80 and ", " in text[:74]:
        return text[: text.rindex(", ", 0, 74)] + ", ...)"
    return short(text, 80)


def wrapped(text: str, width: int = 96) -> str:
    """Long lines broken between words, which JupyterLab would do within them."""
    lines = []
    for line in text.split("\n"):
        wide = unicodedata.east_asian_width(line.lstrip()[:1] or " ") == "W"
        if wide or not line.startswith("  "):
            lines.append(line)  # Chinese may break anywhere
            continue
        indent = " " * (8 if line.startswith("  Hint:") else 12)
        whole = dict(break_long_words=False, break_on_hyphens=False)
        lines += textwrap.wrap(line, width, subsequent_indent=indent, **whole)
    return "\n".join(lines)


def short(text: str, most: int) -> str:
    """The text in one line of at most so many characters."""
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."
