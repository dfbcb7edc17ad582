"""The names of the book: `from helpers import d2l` in place of `from d2l import torch as d2l`.

Every name that the d2l-zh book uses (PyTorch tab) in the chapters that the course covers, with its
signature in d2l 0.17.6, as a thin layer over `helpers`. What code relies on is kept, even where it
looks odd: `accuracy` returns a count, `train_ch6` sets new weights, and `try_gpu(3)` falls back to
the CPU. What was a defect is not, and docstrings say where ("Not as in d2l"). For the names that
are taken from `helpers` as they are, it is this:

- `Accumulator.add` refuses another number of values than it sums, which was silently cut;
- `Timer` waits for an accelerator before it reads the clock;
- `load_array` and `load_data_fashion_mnist` return loaders that slice tensors in memory, without
  worker processes; resizing works on floats, not bytes, so pixels differ by up to 1/255;
- `try_all_gpus` also finds the accelerators of Apple and Intel;
- the curves of `train_ch3`, `train_ch6` and `train_ch13` are drawn as the notebook draws figures,
  PNG until `use_svg_display`, `set_figsize`, `plot` or an `Animator` has asked for SVG.
"""

# ruff: noqa: F401  these names are here to be used from outside

from importlib import import_module

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..data import fashion_labels as get_fashion_mnist_labels
from ..data import load_array, load_data_fashion_mnist, synthetic_data
from ..devices import try_all_gpus
from ..metrics import Accumulator, Timer
from .aliases import (
    abs,
    arange,
    argmax,
    astype,
    concat,
    cos,
    cosh,
    exp,
    eye,
    float32,
    int32,
    linspace,
    log,
    matmul,
    meshgrid,
    nn_Module,
    normal,
    numpy,
    ones,
    rand,
    reduce_sum,
    reshape,
    sin,
    sinh,
    size,
    stack,
    tanh,
    tensor,
    to,
    transpose,
    zeros,
)
from .drawing import Animator, plot, set_axes, set_figsize, show_images, use_svg_display
from .gpus import get_dataloader_workers, num_gpus, split_batch, try_gpu
from .hub import DATA_HUB, DATA_URL, download, download_all, download_extract
from .loops import train_batch_ch13, train_ch3, train_ch6, train_ch13, train_epoch_ch3
from .measures import (
    Benchmark,
    accuracy,
    evaluate_accuracy,
    evaluate_accuracy_gpu,
    evaluate_loss,
    predict_ch3,
)
from .nets import Residual, corr2d, linreg, resnet18, sgd, squared_loss

MODULES = {  # imported when first used, since some take long
    "Image": "PIL.Image",
    "data": "torch.utils.data",
    "display": "IPython.display",
    "pd": "pandas",
    "plt": "matplotlib.pyplot",
    "requests": "requests",
    "torchvision": "torchvision",
    "transforms": "torchvision.transforms",
}


def __getattr__(name: str):
    if name in MODULES:
        return import_module(MODULES[name])
    raise AttributeError(
        f"helpers.d2l has no {name!r}; it has the names of those chapters of the book that the "
        "course covers."
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *MODULES})
