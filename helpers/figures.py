"""How figures look, what they say in numbers, and how they are saved.

Every figure has a *digest*: a few lines of text with the numbers that it shows. In a notebook it is
the text form of the figure, so that a stored picture can be compared with a new one by numbers;
in a saved file it is the description.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from html import unescape
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours: told apart by colour-blind readers too, on screen and in print.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]

mpl.rcParams.update(
    {
        "figure.figsize": (5, 3.2),
        "figure.dpi": 110,
        "savefig.bbox": "tight",
        "svg.hashsalt": "d2l-course",  # the same ids in an SVG each time
        "axes.prop_cycle": mpl.cycler(color=COLOURS),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "image.cmap": "gray",
        "legend.frameon": False,
    }
)


# What matplotlib would write into a file by itself, and what changes from day to day.
STAMPS = {".svg": {"Date": None, "Creator": None}, ".png": {"Software": None}}
PHOTO_COLOURS = 10_000  # a picture with more is no plot


def save_figure(name: str, fig: Figure | None = None) -> None:
    """Save a figure, the current one by default, as `figures/<name>`.

    name: ends in .svg or .png. The folder is `figures/` below `$COURSE_OUT` if that is set, as
    `make run-all` does, else below the working directory. The same figure gives the same bytes.
    """
    suffix = Path(name).suffix.lower()
    if suffix not in STAMPS:
        raise ValueError(f"{name!r} is no name for a figure; end it in .svg or .png.")
    if fig is None:
        from matplotlib import pyplot as plt

        fig = plt.gcf()
    drawn = BytesIO()
    fig.savefig(drawn, format=suffix[1:], metadata=STAMPS[suffix] | {"Description": digest(fig)})
    data = drawn.getvalue() if suffix == ".svg" else shrink_png(drawn.getvalue())
    path = Path(os.environ.get("COURSE_OUT") or ".") / "figures" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def shrink_png(data: bytes) -> bytes:
    """The same picture and texts in fewer bytes: a plot in 256 colours, a photograph in all.

    A plot has few colours but for the soft edges of its lines, and comes to a third of the size.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    image, texts = Image.open(BytesIO(data)), PngInfo()
    for key, value in image.info.items():
        if isinstance(value, str):
            texts.add_text(key, value)
    picture = image.convert("RGB")
    if picture.getcolors(PHOTO_COLOURS):  # None if there are more
        picture = picture.quantize(256, dither=Image.Dither.NONE)
    small = BytesIO()
    picture.save(small, "PNG", optimize=True, pnginfo=texts)
    return small.getvalue()


def read_digest(path: Path) -> str | None:
    """The digest inside a file that `save_figure` wrote; None if there is none to be read."""
    with suppress(OSError, ValueError):
        if path.suffix == ".svg":
            text = path.read_text(encoding="utf-8")
            found = re.search(r"<dc:description>(.*?)</dc:description>", text, re.DOTALL)
            return unescape(found[1]) if found else None
        from PIL import Image

        with Image.open(path) as image:
            return image.info.get("Description")
    return None


def digest(fig: Figure) -> str:
    """What `fig` shows, in numbers: for each axes its labels, lines, images, bars and points."""
    width, height = fig.get_size_inches()
    title = [f"title {fig.get_suptitle()!r}"] if fig.get_suptitle() else []
    return "\n".join([f"Figure {width:g} x {height:g} in", *title, *_axes(fig.axes)])


def _axes(axes: list[Axes]) -> Iterator[str]:
    for ax in axes:
        labels = [repr(text) for text in (ax.get_title(), ax.get_xlabel(), ax.get_ylabel()) if text]
        limits = [" to ".join(map(_number, pair)) for pair in (ax.get_xlim(), ax.get_ylim())]
        yield " ".join(["axes", *labels, f"x {limits[0]}, y {limits[1]}"])
        yield from ("  " + line for line in _contents(ax))


def _contents(ax: Axes) -> Iterator[str]:
    for line in ax.lines:
        x, y = (np.ma.filled(np.ma.asarray(v, float), np.nan) for v in line.get_data(orig=True))
        yield f"line{_label(line)}: {len(y)} points, x {_ends(x)}, y {_ends(y)} {_spread(y)}"
    for image in ax.images:
        yield f"image {tuple(image.get_array().shape)}: {_spread(image.get_array())}"
    for found in ax.collections:
        values = found.get_array()
        if values is None:
            points = found.get_offsets()
            values = points if len(points) > 1 else _vertices(found.get_paths())
        yield f"{type(found).__name__}{_label(found)}: {np.size(values)} values, {_spread(values)}"
    bars = np.array([p.get_height() for p in ax.patches if hasattr(p, "get_height")], float)
    if len(bars):
        yield f"rectangles: {len(bars)}, heights {_ends(bars)} {_spread(bars)}"
    if shapes := [p for p in ax.patches if not hasattr(p, "get_height")]:
        yield f"shapes: {len(shapes)}, {_spread(_vertices([p.get_path() for p in shapes]))}"
    if texts := [t.get_text() for t in ax.texts if t.get_text()]:
        yield f"texts: {' | '.join(texts)}"


def _vertices(paths) -> np.ndarray:
    return np.concatenate([p.vertices.ravel() for p in paths]) if paths else np.zeros(0)


def _label(artist) -> str:
    label = str(artist.get_label())
    return "" if label.startswith("_") or not label else f" {label!r}"


def _number(value: float) -> str:
    text = f"{value:.5g}"
    return text + ".0" if text.lstrip("-").isdigit() else text  # no count: it has a tolerance


def _ends(values: np.ndarray) -> str:
    return f"first {_number(values[0])} last {_number(values[-1])}" if len(values) else "none"


def _spread(values) -> str:
    """Mean, least and greatest value, and the mean against a ramp, in which the order shows."""
    values = np.ma.compressed(np.ma.masked_invalid(np.ma.asarray(values, float)))
    if not values.size:
        return "no values"
    tilt = (values * np.linspace(-1, 1, values.size)).mean()
    numbers = dict(mean=values.mean(), min=values.min(), max=values.max(), tilt=tilt)
    return " ".join(f"{name} {_number(value)}" for name, value in numbers.items())


def notebook_shell():
    """The shell of the Jupyter kernel that runs this code, or None in a script or a terminal."""
    ipython = sys.modules.get("IPython")  # a kernel has it; a script need not wait for it
    shell = ipython.get_ipython() if ipython else None
    return shell if getattr(shell, "kernel", None) else None


def _register(png: bool = True) -> None:
    """Make the digest the text form of figures in this notebook, and, as PNG, pictures small."""
    if shell := notebook_shell():
        import matplotlib_inline.backend_inline  # noqa: F401  it clears what was set before it
        from IPython.core.pylabtools import print_figure

        formatters = shell.display_formatter.formatters
        as_text, as_png = formatters["text/plain"], formatters["image/png"]
        as_text.for_type(Figure, lambda fig, printer, cycle: printer.text(digest(fig)))
        if png:
            as_png.for_type(Figure, lambda fig: shrink_png(print_figure(fig)))


_register()
