"""The two recipes of a chapter: `quick` for a laptop, `full` for the experiment as published."""

import os
from types import SimpleNamespace


def profile() -> str:
    """`quick` or `full`: the value of the environment variable COURSE_PROFILE, `quick` if unset.

    Raises ValueError for any other value.
    """
    name = os.environ.get("COURSE_PROFILE") or "quick"
    if name not in ("quick", "full"):
        raise ValueError(f"COURSE_PROFILE is {name!r}; set it to 'quick' or 'full'.")
    return name


def choose_recipe(*, quick: dict, full: dict) -> SimpleNamespace:
    """The hyper-parameters of this run, as attributes: `recipe.lr`, `recipe.num_epochs`.

    A name that only one of the two recipes gives is None in the other, so that code can ask
    `if recipe.resize:` whichever of them runs.
    """
    chosen = {"quick": quick, "full": full}[profile()]
    return SimpleNamespace(**{name: chosen.get(name) for name in quick | full})
