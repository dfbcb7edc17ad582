"""Drawing: a plot that grows while a network trains, and small plots by one call."""

import time
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from .figures import notebook_shell

STYLES = ["-", "--", "-.", ":"]


class Animator:
    """A line plot that grows while the numbers come in: `animator.add(epoch, (loss, acc, None))`.

    In Jupyter, VS Code and Colab one figure is displayed and updated in place, now and then, so
    that drawing takes a small part of the time; the end of the cell shows the last state. In a
    script nothing is shown, and `save_figure(name, animator.fig)` works all the same.

    X, Y: the history, one list of x and one of y per curve; values given as None are left out.
    """

    def __init__(
        self,
        xlabel: str | None = None,
        ylabel: str | None = None,
        legend: Sequence[str] | None = None,
        xlim: tuple[float, float] | None = None,
        ylim: tuple[float, float] | None = None,
        xscale: str = "linear",
        yscale: str = "linear",
        fmts: Sequence[str] | None = None,
        figsize: tuple[float, float] = (5, 3.2),
    ):
        self._fig = Figure(figsize=figsize)  # not pyplot's, so there is none to close
        self._ax = self._fig.add_subplot()
        _label_axes(self._ax, xlabel, ylabel, xlim, ylim, xscale, yscale)
        self.legend, self.fmts = list(legend or []), list(fmts or [])
        self.X: list[list[float]] = []
        self.Y: list[list[float]] = []
        self._handle, self._drawn_at, self._cost = None, 0.0, 0.0

    def add(self, x: float, y: float | Sequence[float | None] | None) -> None:
        """Add one point to each curve, None to leave one out; the first call fixes their number.

        Raises ValueError when a later call gives another number of values.
        """
        values = list(y) if _several(y) else [y]
        if not self.X:
            self._start_curves(len(values))
        if len(values) != len(self.X):
            raise ValueError(f"This Animator draws {len(self.X)} curves; add() got {len(values)}.")
        for xs, ys, value in zip(self.X, self.Y, values, strict=True):
            if value is not None:
                xs.append(float(x))
                ys.append(float(value))
        if time.perf_counter() - self._drawn_at > max(0.3, 8 * self._cost):
            self._show()

    @property
    def fig(self) -> Figure:
        """The figure, with all points that were added."""
        for line, xs, ys in zip(self._ax.lines, self.X, self.Y, strict=True):
            line.set_data(xs, ys)
        self._ax.relim()
        self._ax.autoscale_view()
        return self._fig

    def _start_curves(self, n: int) -> None:
        if self.legend and len(self.legend) != n:
            raise ValueError(f"The legend names {len(self.legend)} curves; add() got {n} values.")
        self.X, self.Y = [[] for _ in range(n)], [[] for _ in range(n)]
        for i in range(n):
            fmt = self.fmts[i % len(self.fmts)] if self.fmts else STYLES[i % len(STYLES)]
            self._ax.plot([], [], fmt, label=self.legend[i] if self.legend else None)
        if self.legend:
            self._ax.legend()

    def _show(self) -> None:
        start, shell = time.perf_counter(), notebook_shell()
        if shell and self._handle is None:
            from IPython.display import display

            self._handle = display(self.fig, display_id=True)
            shell.events.register("post_execute", self._finish)
        elif shell:
            self._handle.update(self.fig)
        self._drawn_at = time.perf_counter()
        self._cost = self._drawn_at - start

    def _finish(self) -> None:
        """At the end of the cell, show the last state; a later cell displays the figure anew."""
        notebook_shell().events.unregister("post_execute", self._finish)
        self._handle.update(self.fig)
        self._handle, self._drawn_at = None, 0.0


def plot(
    X,
    Y=None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] = (),
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = STYLES,
    figsize: tuple[float, float] = (5, 3.2),
    axes=None,
) -> None:
    """Plot one or several curves into a new figure, or into `axes`.

    X, Y: one sequence of numbers or a list of them; one X serves all Y; `plot(Y)` counts from 0.
    """
    from matplotlib import pyplot as plt

    X, Y = (None, _curves(X)) if Y is None else (_curves(X), _curves(Y))
    if X is None:
        X = [np.arange(len(y)) for y in Y]
    if len(X) == 1:
        X = X * len(Y)
    ax = axes or plt.subplots(figsize=figsize)[1]
    for i, (x, y) in enumerate(zip(X, Y, strict=True)):
        ax.plot(x, y, fmts[i % len(fmts)], label=legend[i] if legend else None)
    _label_axes(ax, xlabel, ylabel, xlim, ylim, xscale, yscale)
    ax.grid(alpha=0.3)
    if legend:
        ax.legend()


def _label_axes(ax, xlabel, ylabel, xlim, ylim, xscale, yscale) -> None:
    ax.set(xlabel=xlabel, ylabel=ylabel, xscale=xscale, yscale=yscale)
    for name, limits in (("xlim", xlim), ("ylim", ylim)):
        if limits is not None:  # matplotlib takes None for "as it is now, and stay there"
            ax.set(**{name: limits})


def _curves(values) -> list[np.ndarray]:
    """`values` as a list of curves: one curve of numbers, or several."""
    if isinstance(values, Tensor | np.ndarray):
        several = values.ndim > 1
    else:
        several = len(values) > 0 and _several(values[0])
    return [_array(v) for v in values] if several else [_array(values)]


def _several(values) -> bool:
    """Whether `values` has a length; a tensor or array of rank 0 has the method alone."""
    return hasattr(values, "__len__") and getattr(values, "ndim", 1) > 0


def _array(values) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def show_images(
    imgs: Tensor | Sequence,
    num_rows: int,
    num_cols: int,
    titles: Sequence[str] | None = None,
    scale: float = 1.2,
) -> None:
    """Show images in a grid, row by row.

    imgs: grey (h, w) or (1, h, w), colour (3, h, w) or (h, w, 3), as tensors, arrays or PIL images;
    floats in [0, 1] or integers to 255. scale: inches per image.
    """
    from matplotlib import pyplot as plt

    size = (num_cols * scale, num_rows * scale * (1.25 if titles else 1))
    _, axes = plt.subplots(num_rows, num_cols, figsize=size, squeeze=False, layout="constrained")
    for ax in axes.flat:
        ax.axis("off")
    for i, (ax, img) in enumerate(zip(axes.flat, imgs, strict=False)):
        img = _array(img)
        if img.ndim == 3 and img.shape[0] in (1, 3):
            img = np.moveaxis(img, 0, -1)
        whole = 255 if np.issubdtype(img.dtype, np.integer) else 1
        ax.imshow(img.squeeze(), vmin=0, vmax=whole, interpolation="nearest")
        if titles:
            ax.set_title(titles[i], fontsize=9)
