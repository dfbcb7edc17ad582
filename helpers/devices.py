"""What a run is made with: its profile, its device and its seed."""

import ctypes
import os
import random
import sys

import numpy as np
import torch

PROFILES = ("quick", "full", "trial")


def profile() -> str:
    """The value of the environment variable COURSE_PROFILE, `quick` if unset.

    `trial` is `full` cut to seconds: one epoch of two batches, to see that the path works.
    Raises ValueError for any other value.
    """
    name = os.environ.get("COURSE_PROFILE") or "quick"
    if name not in PROFILES:
        raise ValueError(f"COURSE_PROFILE is {name!r}; set it to 'quick' or 'full'.")
    return name


def try_all_gpus() -> list[torch.device]:
    """Every accelerator that PyTorch can use here (CUDA, Apple MPS, Intel XPU); `[cpu]` if none."""
    if not torch.accelerator.is_available():
        return [torch.device("cpu")]
    kind = torch.accelerator.current_accelerator().type
    return [torch.device(kind, i) for i in range(torch.accelerator.device_count())]


def try_gpu(i: int = 0) -> torch.device:
    """Accelerator number `i`, or the CPU where there is no accelerator at all and `i` is 0.

    Raises ValueError for a number that this machine does not have: a run that was meant for the
    fourth GPU does not quietly become a run on the CPU.
    """
    devices = try_all_gpus()
    if 0 <= i < len(devices):
        return devices[i]
    gpus = 0 if devices[0].type == "cpu" else len(devices)
    raise ValueError(
        f"GPU {i} was asked for and this machine has {gpus}; try_gpu() takes what is there."
    )


def seed_everything(seed: int) -> None:
    """Seed Python's, NumPy's and PyTorch's random numbers, on every device."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def keep_freed_memory() -> None:
    """Let the C library keep the memory that a training step frees, for the next step to reuse.

    glibc hands blocks of more than some megabytes back to the kernel as soon as they are freed, and
    the next step pays for them again, page by page: half the time of a small convolutional network
    on a CPU. Elsewhere than on Linux with glibc this does nothing.
    """
    if not sys.platform.startswith("linux"):
        return
    m_trim_threshold, m_top_pad, m_mmap_threshold = -1, -2, -3  # names of <malloc.h>
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return
    mallopt(m_mmap_threshold, 1 << 30)
    mallopt(m_trim_threshold, 2**31 - 1)
    mallopt(m_top_pad, 256 << 20)
