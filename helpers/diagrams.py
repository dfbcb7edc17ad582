"""Diagrams: a network as a row of boxes, a block as a graph of named steps."""

import math
from collections.abc import Iterable, Sequence

from .inspection import Layer

# The colour of a box by what its name holds: convolution, pooling, normalisation, dense layer.
FAMILIES = {"Conv": "C0", "Pool": "C1", "Norm": "C3", "Linear": "C2"}


def draw_network(layers: Sequence[Layer], shape: Sequence[int]) -> None:
    """Draw a network from `trace_layers`: each box is an output, as high as its maps, as wide as
    their number (both on a logarithmic scale). Layers that only act on each value are left out.

    shape: of the network's input.
    """
    from matplotlib import pyplot as plt

    boxes = [("input", tuple(shape))]
    for layer in layers:
        if layer.parameters or (layer.shape[1:] != boxes[-1][1][1:] and layer.kind != "Flatten"):
            boxes.append((layer.kind, layer.shape))
    left, slots = 0.0, []
    for kind, shape in boxes:
        width = 0.25 * math.log2(shape[0]) + 0.2 if shape[1:] else 0.25
        slot = max(width + 0.5, 2.0 if shape[1:] else 1.2)
        height = max(0.5, math.log2(shape[-1]))
        slots.append((left + slot / 2, width, height, kind, shape))
        left += slot
    top = max(height for _, _, height, _, _ in slots) / 2
    _, ax = plt.subplots(figsize=(min(12, 0.5 * left), 3.2), layout="constrained")
    for middle, width, height, kind, shape in slots:
        colour = next((c for word, c in FAMILIES.items() if word in kind), "0.6")
        ax.bar(middle, height, width, -height / 2, color=colour, alpha=0.8)
        ax.text(middle - 0.1, height / 2 + 0.2, kind, rotation=60, fontsize=8)
        ax.text(middle, -top - 0.3, _caption(shape), ha="center", va="top", fontsize=8)
    ax.set(xlim=(0, left), ylim=(-top - 1.6, top + 3))
    ax.axis("off")


def _caption(shape: tuple[int, ...]) -> str:
    return f"{shape[0]}\n" + " x ".join(map(str, shape[1:]))


def draw_graph(
    nodes: dict[str, tuple[float, float]],
    edges: Iterable[tuple[str, str]],
    figsize: tuple[float, float] = (5, 3.2),
) -> None:
    """Draw boxes and the arrows between them: how data flows through a block.

    nodes: text of the box -> (x, y) of its middle, in units of one box; boxes of the same text are
    told apart by blanks at the end. edges: pairs (from, to). A box is coloured by what it names.
    """
    from matplotlib import pyplot as plt

    _, ax = plt.subplots(figsize=figsize, layout="constrained")
    texts = {}
    for name, (x, y) in nodes.items():
        colour = next((c for word, c in FAMILIES.items() if word.lower() in name.lower()), "0.6")
        box = dict(boxstyle="round,pad=0.4", facecolor=colour, edgecolor="none", alpha=0.25)
        texts[name] = ax.text(x, y, name.rstrip(), ha="center", va="center", fontsize=9, bbox=box)
    for start, end in edges:
        arrow = dict(arrowstyle="->", color="0.4", shrinkA=0, shrinkB=0)
        arrow |= dict(patchA=texts[start].get_bbox_patch(), patchB=texts[end].get_bbox_patch())
        ax.annotate("", nodes[end], nodes[start], arrowprops=arrow)
    xs, ys = zip(*nodes.values(), strict=True)
    ax.set(xlim=(min(xs) - 0.7, max(xs) + 0.7), ylim=(min(ys) - 0.5, max(ys) + 0.5))
    ax.axis("off")
