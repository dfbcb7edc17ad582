"""The book's plots."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.gridspec import GridSpec

from .. import figures, plotting

FMTS = ("-", "m--", "g-.", "r:")


def use_svg_display() -> None:
    """Show the figures of this notebook as SVG; outside a notebook it does nothing."""
    if figures.notebook_shell():
        from matplotlib_inline import backend_inline

        backend_inline.set_matplotlib_formats("svg")
        figures._register(png=False)  # the digests, which that call drops


def set_figsize(figsize: tuple[float, float] = (3.5, 2.5)) -> None:
    """Set the size in inches of the figures to come, and show them as SVG."""
    from matplotlib import pyplot as plt

    use_svg_display()
    plt.rcParams["figure.figsize"] = figsize


def set_axes(axes: Axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend) -> None:
    """Set labels, limits, scales, legend and grid of `axes`; a second call keeps the grid."""
    plotting._label_axes(axes, xlabel, ylabel, _apart(xlim), _apart(ylim), xscale, yscale)
    if legend:
        axes.legend(legend)
    axes.grid(True)


def plot(
    X,
    Y=None,
    xlabel: str | None = None,
    ylabel: str | None = None,
    legend: Sequence[str] | None = None,
    xlim: tuple[float, float] | None = None,
    ylim: tuple[float, float] | None = None,
    xscale: str = "linear",
    yscale: str = "linear",
    fmts: Sequence[str] = FMTS,
    figsize: tuple[float, float] = (3.5, 2.5),
    axes: Axes | None = None,
) -> None:
    """Plot one or several curves into `axes`, by default the current ones, which are cleared.

    Not as in d2l: a fifth curve is drawn too, and tensors may require gradients or be on a GPU.
    """
    from matplotlib import pyplot as plt

    set_figsize(figsize)
    axes = axes or plt.gca()
    axes.cla()
    plotting.plot(X, Y, fmts=fmts, axes=axes)
    set_axes(axes, xlabel, ylabel, xlim, ylim, xscale, yscale, legend)


def show_images(
    imgs, num_rows: int, num_cols: int, titles: Sequence[str] | None = None, scale: float = 1.5
) -> np.ndarray:
    """Show images in a grid, row by row; returns its axes in a flat array.

    Not as in d2l: grey is grey and not green, from 0 for black to 1 for white (255 for integers)
    whatever is in an image; tensors (c, h, w) and a single image work.
    """
    from matplotlib import pyplot as plt

    plotting.show_images(imgs, num_rows, num_cols, titles, scale)
    return np.array(plt.gcf().axes)


class Animator(plotting.Animator):
    """A plot that grows while the numbers come in: `animator.add(epoch, (loss, acc, None))`.

    x is one number, or one for each curve; the legend may name fewer curves than there are.
    Not as in d2l: it draws outside notebooks too (`fig`), in place and now and then; more than
    four curves are drawn; with `nrows` or `ncols` above 1 `axes` is a flat list, whose first holds
    the curves; X and Y are empty lists at first; pyplot does not know the figure, so none stays
    open; another number of values than at first is refused.
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
        fmts: Sequence[str] = FMTS,
        nrows: int = 1,
        ncols: int = 1,
        figsize: tuple[float, float] = (3.5, 2.5),
    ):
        use_svg_display()
        xlim, ylim = _apart(xlim), _apart(ylim)
        super().__init__(xlabel, ylabel, legend, xlim, ylim, xscale, yscale, fmts, figsize)
        self._ax.grid(True)
        places = list(GridSpec(nrows, ncols, figure=self._fig))
        self._ax.set_subplotspec(places[0])
        self.axes = [self._ax, *map(self._fig.add_subplot, places[1:])]

    def add(self, x, y) -> None:
        values = list(y) if plotting._several(y) else [y]
        if not plotting._several(x):
            return super().add(x, values)
        for i, place in enumerate(x):
            if place is not None:
                super().add(place, [value if i == j else None for j, value in enumerate(values)])

    def _start_curves(self, n: int) -> None:
        if self.legend:
            self.legend = [*self.legend, *[None] * n][:n]
        super()._start_curves(n)


def _apart(limits):
    """None for limits without an extent, such as [1, num_epochs] for a single epoch."""
    return None if limits is not None and limits[0] == limits[1] else limits
