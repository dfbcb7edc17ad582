"""Exercises that check themselves: `check.huber(huber)` says whether the answer is right.

Each module holds the exercises of one subject, as generator functions that yield what the answer
must do right, one `Case` after another. The first that fails is shown, with a hint.
"""

from .checking import Check

MODULES = [
    "tensors",
    "linear",
    "perceptrons",
    "generalization",
    "layers",
    "convolutions",
    "networks",
    "normalization",
    "blocks",
    "machines",
    "pictures",
]

check = Check(__name__, MODULES)
